"""Registrations: a user's seat at an event, or a position on its waiting list."""

from typing import Annotated, Literal

from msgspec import Raw, Struct

from eventorg.domain.errors import Conflict
from eventorg.domain.events import Event
from eventorg.domain.values import Id, Input, Instant, JSONOf

RegistrationStatus = Literal["registered", "waitlisted", "cancelled", "attended"]
CancelledBy = Literal["self", "host", "operator", "system"]
"""The party that cancelled a registration. A user whom a host removed cannot return to a private event."""


class Registration(Struct, kw_only=True, frozen=True):
    """A registration as the API returns it. `waitlist_position` counts from 1 and is null unless waitlisted."""

    event_id: Id
    user_id: Id
    status: RegistrationStatus
    registration_date: Instant
    waitlist_position: int | None

    @property
    def version(self) -> str:
        """Changes whenever the registration changes. A new position on the waiting list does not count."""
        return f"{self.status}:{self.registration_date.replace('-', '')}"


class NewRegistration(Input):
    """A new registration. The user is the caller."""

    user_id: Id | None = None


class RegistrationPatch(Input):
    """Checks a participant in (`attended`), or undoes that (`registered`)."""

    status: Literal["attended", "registered"]


class Participants(Struct, kw_only=True, frozen=True):
    """The registrations of an event in the order they were made; `next` continues the list."""

    event_id: Id
    participants: Annotated[Raw, JSONOf(list[Registration])]
    next: str | None
    as_of: int


class OrganizedEvent(Struct, kw_only=True, frozen=True):
    """A summary of an event that the user hosts."""

    id: Id
    code: str
    title: str
    start_time: Instant


class ParticipatedEvent(Struct, kw_only=True, frozen=True):
    """A summary of an event that the user registered for, with the status of the registration."""

    id: Id
    code: str
    title: str
    start_time: Instant
    status: RegistrationStatus


class UserEvents(Struct, kw_only=True, frozen=True):
    """The events that a user hosts and those that the user registered for, each by start time."""

    organized_events: list[OrganizedEvent]
    participated_events: list[ParticipatedEvent]
    as_of: int


class ParticipantCounts(Struct, kw_only=True, frozen=True):
    """The number of registrations of an event, by status."""

    registered: int
    waitlisted: int
    attended: int
    cancelled: int


class CardData(Struct, frozen=True):
    """An event with its counts and the names of the first participants."""

    event: Event
    counts: ParticipantCounts
    names: list[str]


def check_seated(status: RegistrationStatus) -> None:
    """Raises `Conflict` unless the registration has a seat."""
    if status not in ("registered", "attended"):
        raise Conflict(f"registration_{status}")


def check_leaving(status: RegistrationStatus, event: Event, now: Instant) -> None:
    """Raises `Conflict` if the user has been checked in, or the event is over."""
    if status == "attended":
        raise Conflict("already_attended")
    if event.end_time <= now:
        raise Conflict("event_over")
