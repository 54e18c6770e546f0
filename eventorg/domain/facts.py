"""Facts in the past tense: the rows of the change log, and the feed for the API and for plugins."""

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
"""The audience of a reader who sees every change. No ID looks like it."""


class NewChange(Struct, frozen=True):
    """A change to record, by IDs only: the log contains no personal data."""

    type: ChangeType
    event_id: str | None = None
    user_id: str | None = None


class Change(Struct, kw_only=True, frozen=True):
    """A recorded change. `seq` grows in commit order, `at` is the time of the change."""

    seq: int
    at: Instant
    type: ChangeType
    event_id: Id | None
    user_id: Id | None


class ChangePage(Struct, frozen=True):
    """A part of the change log; the next part begins after `next`."""

    changes: list[Change]
    next: int


class Fact(Change, frozen=True, kw_only=True):
    """A change as plugins receive it: each type has its own class."""


class UserCreated(Fact, frozen=True, kw_only=True):
    """A user signed up, or a bot created a Telegram user (`user_id`)."""


class UserUpdated(Fact, frozen=True, kw_only=True):
    """A user changed the profile, the password or the Telegram account (`user_id`)."""


class UserDeleted(Fact, frozen=True, kw_only=True):
    """A user was deleted with all its data (`user_id`)."""


class EventCreated(Fact, frozen=True, kw_only=True):
    """An event was created, possibly as a draft (`event_id`)."""


class EventUpdated(Fact, frozen=True, kw_only=True):
    """An event was changed (`event_id`), or a user's role in it (`user_id` too)."""


class EventCancelled(Fact, frozen=True, kw_only=True):
    """An event was cancelled (`event_id`)."""


class EventDeleted(Fact, frozen=True, kw_only=True):
    """An event was deleted with its registrations (`event_id`)."""


class RegistrationCreated(Fact, frozen=True, kw_only=True):
    """A user registered for an event, for a seat or the waiting list (`event_id`, `user_id`)."""


class RegistrationPromoted(Fact, frozen=True, kw_only=True):
    """A user moved from the waiting list to a seat (`event_id`, `user_id`)."""


class RegistrationCancelled(Fact, frozen=True, kw_only=True):
    """A user left an event, or was removed (`event_id`, `user_id`)."""


class RegistrationAttended(Fact, frozen=True, kw_only=True):
    """A user was checked in, or the check-in was undone (`event_id`, `user_id`)."""


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
