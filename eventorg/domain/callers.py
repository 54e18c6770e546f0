"""The caller of a request, which every use case receives and the change log records."""

from typing import Annotated, Final, Literal, get_args

from msgspec import Struct

from eventorg.domain.values import Input, text

BotScope = Literal["act", "changes", "deliver"]
SCOPES: Final[tuple[BotScope, ...]] = get_args(BotScope)
"""The scopes of a bot token: acting for users, reading the whole change feed, delivering messages."""


class BotName(Input):
    """The name of a bot, unique among active bots regardless of case."""

    name: Annotated[str, text(1, 100, example="my-bot")]


class Caller(Struct, frozen=True, kw_only=True):
    """The user, the bot, or the bot acting for a user, that sends a request."""

    user_id: str = ""
    bot: str | None = None
    scopes: frozenset[str] = frozenset()
    locale: str | None = None
    """The user's locale: texts are in it if the request names no language."""
    is_operator: bool = False
    """True if the operator acts for the user, with a command."""

    def resolve(self, user_id: str) -> str:
        """Returns the ID, or the caller's own for `me`."""
        return self.user_id if user_id == "me" else user_id


NOBODY: Final = Caller()
"""A caller without a token."""
