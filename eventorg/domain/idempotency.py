"""Requests with an `Idempotency-Key`: each is carried out once, and the server replays its response for a day."""

from msgspec import Struct

from eventorg.domain.callers import Caller


class Once(Struct, frozen=True, kw_only=True):
    """The key of a request that must be carried out once.

    `owner` and `key` identify the request, `fingerprint` stands for its method, path and body. `result` is the JSON
    that the first request with this key produced; it is null until then.
    """

    owner: str
    key: str
    fingerprint: str
    result: str | None = None


class IdempotencyRecord(Struct, frozen=True, kw_only=True):
    """The stored response to a request: the result of its transaction as JSON, or a problem document in a language."""

    fingerprint: str
    result: str | None
    refusal: str | None
    language: str | None


def owner_of(caller: Caller) -> str:
    """Returns the name under which a caller's keys are stored; each bot has its own keys for each of its users."""
    return f"{caller.bot or ''}:{caller.user_id}"


def is_replay(once: Once | None) -> bool:
    """Returns true if the request was carried out before, so that only its stored result is needed."""
    return once is not None and once.result is not None
