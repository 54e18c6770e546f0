"""What has happened, in the past tense: the rows of the change log, the feed of the API and of plugins."""

from typing import Literal

from msgspec import Struct

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


class Fact(Struct, frozen=True):
    """One change, by ids only: no personal data ever enters the log."""

    type: FactType
    event_id: str | None = None
    user_id: str | None = None
