"""What has happened, in the past tense: the rows of the change log, the feed of the API and of plugins."""

from typing import Final, Literal

from msgspec import Struct

from eventorg.domain.values import Id, Instant

ChangeType = Literal[
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


ALL_CHANGES: Final = "*"
"""What somebody is concerned by who sees every change; no id looks like it."""


class NewChange(Struct, frozen=True):
    """One change, by ids only: no personal data ever enters the log."""

    type: ChangeType
    event_id: str | None = None
    user_id: str | None = None


class Change(Struct, kw_only=True, frozen=True):
    """A fact as it stands in the log; `seq` grows by commit order, and `at` is when."""

    seq: int
    at: Instant
    type: ChangeType
    event_id: Id | None
    user_id: Id | None


class ChangePage(Struct, frozen=True):
    """A stretch of the log; the next one begins after `next`."""

    changes: list[Change]
    next: int


class Fact(Change, frozen=True, kw_only=True):
    """A change as plugins are told of it: each type has a class of its own."""


class UserCreated(Fact, frozen=True, kw_only=True):
    """Somebody has signed up, or was seen for the first time (`user_id`)."""


class UserUpdated(Fact, frozen=True, kw_only=True):
    """A user has changed its profile, its password or its Telegram account (`user_id`)."""


class UserDeleted(Fact, frozen=True, kw_only=True):
    """A user is gone, with all that it had (`user_id`)."""


class EventCreated(Fact, frozen=True, kw_only=True):
    """There is a new event, perhaps a draft (`event_id`)."""


class EventUpdated(Fact, frozen=True, kw_only=True):
    """An event was changed (`event_id`), or somebody's role in it (`user_id` too)."""


class EventCancelled(Fact, frozen=True, kw_only=True):
    """An event was called off (`event_id`)."""


class EventDeleted(Fact, frozen=True, kw_only=True):
    """An event is gone, with its registrations (`event_id`)."""


class RegistrationCreated(Fact, frozen=True, kw_only=True):
    """Somebody has registered for an event, or waits for a seat (`event_id`, `user_id`)."""


class RegistrationPromoted(Fact, frozen=True, kw_only=True):
    """Somebody who waited has a seat now (`event_id`, `user_id`)."""


class RegistrationCancelled(Fact, frozen=True, kw_only=True):
    """Somebody has left an event, or was removed (`event_id`, `user_id`)."""


class RegistrationAttended(Fact, frozen=True, kw_only=True):
    """Somebody was checked in, or that was undone (`event_id`, `user_id`)."""


FACTS: Final[dict[ChangeType, type[Fact]]] = {
    "user.created": UserCreated,
    "user.updated": UserUpdated,
    "user.deleted": UserDeleted,
    "event.created": EventCreated,
    "event.updated": EventUpdated,
    "event.cancelled": EventCancelled,
    "event.deleted": EventDeleted,
    "registration.created": RegistrationCreated,
    "registration.promoted": RegistrationPromoted,
    "registration.cancelled": RegistrationCancelled,
    "registration.attended": RegistrationAttended,
}
