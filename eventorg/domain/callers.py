"""Who asks: passed from the edge into every use case, and written into the change log."""

from msgspec import Struct


class RequestKey(Struct, frozen=True):
    """What makes a request the same one when it is sent again (`Idempotency-Key`).

    `fingerprint` stands for method, path and body; `result` is what the first one made, as JSON, if it is known.
    """

    caller: str
    key: str
    fingerprint: str
    result: str | None = None


class Caller(Struct, frozen=True):
    """The user a request is done as, and the key by which it is done only once."""

    user_id: str
    request_key: RequestKey | None = None

    def resolve(self, user_id: str) -> str:
        """The id that is meant: `me` is the caller's."""
        return self.user_id if user_id == "me" else user_id

    @property
    def is_repeating(self) -> bool:
        """Whether the request has been done before, so that only its result is wanted."""
        return self.request_key is not None and self.request_key.result is not None
