"""Who asks: passed from the edge into every use case, and written into the change log."""

from typing import Annotated, Final, Literal, get_args

from msgspec import Struct

from eventorg.domain.values import Input, text

BotScope = Literal["act", "changes", "deliver"]
SCOPES: Final[tuple[BotScope, ...]] = get_args(BotScope)
"""What a bot may be allowed: to act for users, to read the whole change feed, to deliver messages."""


class BotName(Input):
    """What a bot is called: no two whose tokens are in force alike, whatever the case."""

    name: Annotated[str, text(1, 100, example="my-bot")]


class RequestKey(Struct, frozen=True):
    """What makes a request the same one when it is sent again (`Idempotency-Key`).

    `fingerprint` stands for method, path and body; `result` is what the first one made, as JSON, if it is known.
    """

    caller: str
    key: str
    fingerprint: str
    result: str | None = None


class Caller(Struct, frozen=True, kw_only=True):
    """Who a request is done as: a user, a bot, or a bot acting for a user; and the key by which it is done once."""

    user_id: str = ""
    bot: str | None = None
    scopes: frozenset[str] = frozenset()
    request_key: RequestKey | None = None

    def resolve(self, user_id: str) -> str:
        """The id that is meant: `me` is the caller's."""
        return self.user_id if user_id == "me" else user_id

    @property
    def is_repeating(self) -> bool:
        """Whether the request has been done before, so that only its result is wanted."""
        return self.request_key is not None and self.request_key.result is not None


NOBODY: Final = Caller()
"""A caller without a token, where one is needed for the sake of form."""
