"""Admission: the one place that decides who may come to an event, and who needs a host's approval first."""

from typing import Final

from msgspec import Struct

from eventorg.domain.errors import Conflict, FieldError, Forbidden, Invalid, RegistrationClosed, RegistrationNotOpen
from eventorg.domain.events import Role, Status, Visibility, check_visible
from eventorg.domain.facts import Actor
from eventorg.domain.parties import Party
from eventorg.domain.registrations import RegistrationStatus
from eventorg.domain.rsvps import StoredAnswer
from eventorg.domain.values import Instant

_HOSTING: Final = ("organizer", "host")


class Admission(Struct, frozen=True, kw_only=True):
    """The state that decides whether a user may come: the rules of the event, and the user's own part in it."""

    event_id: str
    event_status: Status
    visibility: Visibility
    end_time: Instant
    waitlist: bool
    approval_required: bool
    max_guests: int
    registration_opens_at: Instant | None
    registration_closes_at: Instant | None

    user_id: str
    role: Role | None
    can_return: bool
    """True for somebody who left, but was not removed."""
    is_blocked: bool
    """True if a host of the event blocks the user."""
    answer: StoredAnswer | None
    status: RegistrationStatus | None
    """The status of the user's registration. Null for somebody who never registered."""

    @property
    def is_registered(self) -> bool:
        """True for somebody with a seat or a place on a waiting list."""
        return self.status not in (None, "cancelled")

    @property
    def is_host(self) -> bool:
        """True for the organizer and for a co-host."""
        return self.role in _HOSTING

    @property
    def is_known(self) -> bool:
        """True for somebody who sees the event whatever its visibility: with a role, with an answer, or who left."""
        return self.role is not None or self._has_answered

    @property
    def _has_answered(self) -> bool:
        return self.can_return or self.answer is not None

    def check_visible(self) -> None:
        """Raises `NotFound` if the user may not see the event."""
        check_visible(self.event_status, self.visibility, self.role, has_answered=self._has_answered)


def admit(asked: Admission, party: Party, now: Instant, by: Actor, *, invited: bool = False) -> bool:
    """Returns true if a newcomer gets a seat or a place on the waiting list now, and false if a host must approve it.

    A host who adds somebody passes the window, the blocks, the largest number of guests, and the approval. An
    invitation passes the approval, and so does a host who comes. The system, which is a plugin, passes every rule.
    Nobody passes the capacity, which the seats decide.

    Raises `Conflict` (`event_cancelled`, `event_not_open`, `event_over`, `registration_not_open`,
    `registration_closed`), `Forbidden` (`blocked`) and `Invalid` (too many guests).
    """
    if by == "system":
        return True
    check_open(asked, now)
    if by == "self":
        _check_own_act(asked, party, now)
    return by != "self" or invited or asked.is_host or not asked.approval_required


def check_party_change(asked: Admission, before: Party, after: Party, now: Instant, by: Actor) -> None:
    """Raises the errors of `admit` if a party grows when a newcomer could not come, and `Conflict` (`event_over`) if a
    participant changes it after the event. A party can always shrink, and the system passes every rule."""
    if by == "system":
        return
    if by == "self" and asked.end_time <= now:
        raise Conflict("event_over")
    if after.people > before.people:
        check_open(asked, now)
        if by == "self":
            _check_own_act(asked, after, now)


def check_answer(asked: Admission, answer: StoredAnswer, now: Instant) -> None:
    """Raises the errors of somebody who answers "maybe" or "declined": `Conflict` (`event_cancelled`, `event_not_open`,
    `event_over`, `already_attended`), and `Forbidden` (`blocked`), although a blocked user can decline. The
    registration window does not matter."""
    if asked.status == "attended":
        raise Conflict("already_attended")
    check_open(asked, now)
    if asked.is_blocked and answer != "declined":
        raise Forbidden("blocked")


def check_open(asked: Admission, now: Instant) -> None:
    """Raises `Conflict` unless the event is published and not over."""
    if asked.event_status == "cancelled":
        raise Conflict("event_cancelled")
    if asked.event_status == "draft":
        raise Conflict("event_not_open")
    if asked.end_time <= now:
        raise Conflict("event_over")


def _check_own_act(asked: Admission, party: Party, now: Instant) -> None:
    opens_at, closes_at = asked.registration_opens_at, asked.registration_closes_at
    if opens_at is not None and now < opens_at:
        raise RegistrationNotOpen(opens_at)
    if closes_at is not None and closes_at <= now:
        raise RegistrationClosed(closes_at)
    if asked.is_blocked:
        raise Forbidden("blocked")
    if party.guests > asked.max_guests:
        raise Invalid(FieldError("guests", "too_many_guests", {"maximum": asked.max_guests}))
