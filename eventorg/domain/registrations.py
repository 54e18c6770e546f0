"""A user's place at an event: a seat, or a position in the waiting list."""

from typing import Annotated, Literal

from msgspec import Raw, Struct

from eventorg.domain.errors import Conflict
from eventorg.domain.events import Event
from eventorg.domain.values import Id, Input, Instant, JSONOf

RegistrationStatus = Literal["registered", "waitlisted", "cancelled", "attended"]


class Registration(Struct, kw_only=True, frozen=True):
    """A registration as answered. `waitlist_position` counts from 1 and is null unless waitlisted."""

    event_id: Id
    user_id: Id
    status: RegistrationStatus
    registration_date: Instant
    waitlist_position: int | None

    @property
    def version(self) -> str:
        """What every change of it changes; the position in line moves by itself."""
        return f"{self.status}:{self.registration_date.replace('-', '')}"


class NewRegistration(Input):
    """A wish to come. The user is the caller."""

    user_id: Id | None = None


class RegistrationPatch(Input):
    """A check-in (`attended`), or its undo (`registered`)."""

    status: Literal["attended", "registered"]


class Participants(Struct, kw_only=True, frozen=True):
    """The registrations of an event in the order they were made; `next` continues the list."""

    event_id: Id
    participants: Annotated[Raw, JSONOf(list[Registration])]
    next: str | None
    as_of: int


class OrganizedEvent(Struct, kw_only=True, frozen=True):
    """An event its host runs, in short."""

    id: Id
    code: str
    title: str
    start_time: Instant


class ParticipatedEvent(Struct, kw_only=True, frozen=True):
    """An event one goes to, in short, with the status of the registration."""

    id: Id
    code: str
    title: str
    start_time: Instant
    status: RegistrationStatus


class UserEvents(Struct, kw_only=True, frozen=True):
    """Everything a user runs and goes to, each by start time."""

    organized_events: list[OrganizedEvent]
    participated_events: list[ParticipatedEvent]
    as_of: int


class ParticipantCounts(Struct, kw_only=True, frozen=True):
    """How many registrations an event has, by status."""

    registered: int
    waitlisted: int
    attended: int
    cancelled: int


class CardData(Struct, frozen=True):
    """An event with its numbers, and the names of the first who have a seat."""

    event: Event
    counts: ParticipantCounts
    names: list[str]


def check_seated(status: RegistrationStatus) -> None:
    """Only who has a seat can be checked in. Raises `Conflict`."""
    if status not in ("registered", "attended"):
        raise Conflict(f"registration_{status}")
