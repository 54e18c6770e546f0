"""What has happened, in the past tense: the rows of the change log, the feed of the API and of plugins."""

from typing import Final, Literal

from msgspec import Struct

from eventorg.domain.values import Id, Instant

FactType = Literal[
    "user.created",
    "user.updated",
    "user.deleted",
    "event.created",
    "event.updated",
    "event.cancelled",
    "event.deleted",
    "registration.created",
    "registration.promoted",
    "registration.cancelled",
    "registration.attended",
]


EVERYTHING: Final = "*"
"""What somebody is concerned by who sees every change; no id looks like it."""


class Fact(Struct, frozen=True):
    """One change, by ids only: no personal data ever enters the log."""

    type: FactType
    event_id: str | None = None
    user_id: str | None = None


class Change(Struct, kw_only=True, frozen=True):
    """A fact as it stands in the log; `seq` grows by commit order, and `at` is when."""

    seq: int
    at: Instant
    type: FactType
    event_id: Id | None
    user_id: Id | None


class Changes(Struct, frozen=True):
    """A stretch of the log; the next one begins after `next`."""

    changes: list[Change]
    next: int
