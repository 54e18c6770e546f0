"""Registrations: a seat at an event, or a position on its waiting list."""

from typing import Annotated, Literal

from msgspec import Meta, Raw, Struct

from eventorg.domain.errors import Conflict
from eventorg.domain.events import Code, Event
from eventorg.domain.fields import AsOf, CallerId, EventId, Next, StartInstant, UserId
from eventorg.domain.values import Input, Instant, JSONOf, Title, instant

RegistrationStatus = Literal["registered", "waitlisted", "cancelled", "attended"]
CancelledBy = Literal["self", "host", "operator", "system"]
"""The party that cancelled a registration. A user whom a host removed cannot return to a private event."""
Standing = Annotated[RegistrationStatus, Meta(description="The status of the registration.", examples=["registered"])]


class Registration(Struct, kw_only=True, frozen=True):
    """A registration of a user for an event."""

    event_id: EventId
    user_id: UserId
    status: Standing
    registration_date: Annotated[str, instant("The time of the registration, in UTC.")]
    waitlist_position: Annotated[
        int | None, Meta(description="The position on the waiting list, from 1. `null` unless waitlisted.")
    ]

    @property
    def version(self) -> str:
        """Changes whenever the registration changes. A new position on the waiting list does not count."""
        return f"{self.status}:{self.registration_date.replace('-', '')}"


class NewRegistration(Input):
    """A new registration. The user is the caller."""

    user_id: CallerId | None = None


class RegistrationPatch(Input):
    """Checks a participant in (`attended`), or undoes that (`registered`)."""

    status: Annotated[
        Literal["attended", "registered"],
        Meta(description="`attended` checks the participant in, `registered` undoes it.", examples=["attended"]),
    ]


class Participants(Struct, kw_only=True, frozen=True):
    """Registrations of an event in the order in which they were made."""

    event_id: EventId
    participants: Annotated[Raw, JSONOf(list[Registration]), Meta(description="The registrations of this page.")]
    next: Next
    as_of: AsOf


class OrganizedEvent(Struct, kw_only=True, frozen=True):
    """An event that the user hosts, in short."""

    id: EventId
    code: Code
    title: Title
    start_time: StartInstant


class ParticipatedEvent(Struct, kw_only=True, frozen=True):
    """An event that the user has registered for, in short."""

    id: EventId
    code: Code
    title: Title
    start_time: StartInstant
    status: Standing


class UserEvents(Struct, kw_only=True, frozen=True):
    """The events that a user hosts, and those that the user has registered for."""

    organized_events: Annotated[list[OrganizedEvent], Meta(description="Events that the user hosts, by start time.")]
    participated_events: Annotated[
        list[ParticipatedEvent], Meta(description="Events that the user attends or waits for, by start time.")
    ]
    as_of: AsOf


class ParticipantCounts(Struct, kw_only=True, frozen=True):
    """The number of registrations of an event by status."""

    registered: Annotated[int, Meta(description="People who have a seat.", examples=[12])]
    waitlisted: Annotated[int, Meta(description="People on the waiting list.", examples=[0])]
    attended: Annotated[int, Meta(description="People who are checked in.", examples=[0])]
    cancelled: Annotated[int, Meta(description="People who have left or were removed.", examples=[1])]


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
