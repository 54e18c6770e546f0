"""Registrations: a seat at an event, or a position on its waiting list."""

from typing import Annotated, Final, Literal
from zlib import crc32

from msgspec import UNSET, Meta, Raw, Struct, field

from eventorg.domain.errors import Conflict
from eventorg.domain.fields import AsOf, CallerId, EventId, Next, UserId
from eventorg.domain.parties import GuestNames, Guests, Party
from eventorg.domain.users import Expanded
from eventorg.domain.values import Input, Instant, JSONOf, instant

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
        int | None,
        Meta(
            description="The position among the parties on the waiting list, from 1. `null` unless waitlisted, and "
            "`null` for somebody who waits for approval."
        ),
    ]
    guests: Annotated[int, Meta(description="The number of guests whom the participant brings along.", examples=[0])]
    guest_names: Annotated[
        list[str], Meta(description="The names of guests. There can be fewer names than guests.", examples=[[]])
    ]
    approved: Annotated[
        bool, Meta(description="False while the participant waits for a host's approval.", examples=[True])
    ]

    @property
    def party(self) -> Party:
        """The guests."""
        return Party(self.guests, tuple(self.guest_names))

    @property
    def place(self) -> "Place":
        """The place that the party takes."""
        return Place(self.status, approved=self.approved, guests=self.guests)

    @property
    def version(self) -> str:
        """Changes whenever the registration changes. A new position on the waiting list does not count."""
        content = [self.status, self.registration_date.replace("-", ""), str(self.guests), str(self.approved)]
        return ":".join(content + ([f"{crc32(repr(self.guest_names).encode()):x}"] if self.guest_names else []))


class Place(Struct, frozen=True):
    """The place of a party, which decides which counter of the event its people are in."""

    status: RegistrationStatus
    approved: bool = True
    guests: int = 0

    @property
    def registered(self) -> int:
        """The number of people who have a seat."""
        return 1 + self.guests if self.status in ("registered", "attended") else 0

    @property
    def waitlisted(self) -> int:
        """The number of people on the waiting list."""
        return 1 + self.guests if self.status == "waitlisted" and self.approved else 0

    @property
    def pending(self) -> int:
        """The number of people who wait for approval."""
        return 1 + self.guests if self.status == "waitlisted" and not self.approved else 0


NO_PLACE: Final = Place("cancelled")


class ListedRegistration(Registration, kw_only=True, frozen=True):
    """A registration in a list of participants."""

    user: Expanded = UNSET


class NewRegistration(Input):
    """A new registration. The user is the caller."""

    user_id: CallerId | None = None
    guests: Guests = 0
    guest_names: GuestNames = field(default_factory=list)

    def clean(self) -> None:
        super().clean()
        _ = self.party

    @property
    def party(self) -> Party:
        """The guests. Raises `Invalid` if there are more names than guests."""
        return Party(self.guests, tuple(self.guest_names))


class Participants(Struct, kw_only=True, frozen=True):
    """Registrations of an event in the order in which they were made."""

    event_id: EventId
    participants: Annotated[Raw, JSONOf(list[ListedRegistration]), Meta(description="The registrations of this page.")]
    next: Next
    as_of: AsOf


def check_seated(status: RegistrationStatus) -> None:
    """Raises `Conflict` unless the registration has a seat."""
    if status not in ("registered", "attended"):
        raise Conflict(f"registration_{status}")


def check_leaving(status: RegistrationStatus | None, end_time: Instant, now: Instant) -> None:
    """Raises `Conflict` if the user has been checked in, or the event is over."""
    if status == "attended":
        raise Conflict("already_attended")
    if end_time <= now:
        raise Conflict("event_over")
