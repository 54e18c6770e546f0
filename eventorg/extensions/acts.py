"""What a plugin does to events and registrations inside its own transaction, for a caller or as the system."""

from collections.abc import Sequence
from typing import Final

from msgspec import UNSET

from eventorg.domain.callers import NOBODY, Caller
from eventorg.domain.errors import FieldError, Forbidden, Invalid
from eventorg.domain.event_copies import EventCopy
from eventorg.domain.events import MAX_GUESTS, Event, EventPatch, NewEvent
from eventorg.domain.facts import NewChange, OwnActor
from eventorg.domain.guest_lists import NewParticipant
from eventorg.domain.parties import Party
from eventorg.domain.registrations import Registration
from eventorg.domain.rsvps import Answer, NewRsvp
from eventorg.repositories.changes import ChangeRepository
from eventorg.repositories.event_copies import EventCopyRepository
from eventorg.repositories.events import EventRepository
from eventorg.repositories.guest_lists import GuestListRepository
from eventorg.repositories.registrations import RegistrationRepository
from eventorg.repositories.rsvps import RsvpRepository
from eventorg.repositories.seats import Seats
from eventorg.repositories.users import UserRepository
from eventorg.storage.transactions import Transaction

_CANCELLED: Final = EventPatch(status="cancelled")


class Acts:
    """The acts. Each raises the errors of the API, and `LookupError` in a transaction that only reads.

    Without a caller, the system acts: the core's rules and the gates are not asked, only whether seats are free.
    """

    def __init__(
        self,
        events: EventRepository,
        copies: EventCopyRepository,
        registrations: RegistrationRepository,
        guest_lists: GuestListRepository,
        rsvps: RsvpRepository,
        users: UserRepository,
        seats: Seats,
        changes: ChangeRepository,
    ) -> None:
        self._events = events
        self._copies = copies
        self._registrations = registrations
        self._guest_lists = guest_lists
        self._rsvps = rsvps
        self._users = users
        self._seats = seats
        self._changes = changes

    def register(
        self, tx: Transaction, event_id: str, user_id: str, guests: int, guest_names: Sequence[str], by: Caller | None
    ) -> Registration:
        """Returns the registration of a user, who registers, or whom a host or the system adds."""
        _check_writes(tx)
        _check_guests(guests)
        self._users.load(tx, user_id)
        if by is not None and by.user_id != user_id:
            new = NewParticipant(user_id=user_id, guests=guests, guest_names=list(guest_names))
            return self._guest_lists.enter(tx, event_id, new, by)[0]
        party = Party(guests, tuple(guest_names))
        return self._registrations.enter(tx, event_id, user_id, party, by or NOBODY, _actor(by))[0]

    def register_by_name(self, tx: Transaction, event_id: str, new: NewParticipant) -> Registration:
        """Returns the registration of a new user who exists only as a participant of the event."""
        _check_writes(tx)
        return self._guest_lists.enter_by_name(tx, event_id, new, NOBODY)

    def leave(self, tx: Transaction, event_id: str, user_id: str, by: Caller | None) -> Registration:
        """Returns the cancelled registration of a user, who leaves, or whom a host or the system removes."""
        _check_writes(tx)
        if by is not None and by.user_id != user_id:
            return self._guest_lists.end(tx, event_id, user_id, None, by, block=False)
        return self._registrations.end(tx, event_id, user_id, None, by or NOBODY, _actor(by))

    def rsvp(
        self, tx: Transaction, event_id: str, user_id: str, answer: Answer, guests: int | None, by: Caller | None
    ) -> Registration | None:
        """Gives a user's answer, and returns the registration of somebody who is going."""
        _check_writes(tx)
        if by is not None and by.user_id != user_id:
            raise Forbidden()
        if guests is not None:
            _check_guests(guests)
        self._users.load(tx, user_id)
        new = NewRsvp(answer=answer, guests=UNSET if guests is None else guests)
        return self._rsvps.give(tx, event_id, user_id, new, None, by or NOBODY, _actor(by)).registration

    def create_event(self, tx: Transaction, new: NewEvent, organizer_id: str, by: Caller | None) -> Event:
        """Returns a new event of a user."""
        _check_writes(tx)
        if by is not None and by.user_id != organizer_id:
            raise Forbidden()
        self._users.load(tx, organizer_id)
        return self._events.make(tx, new, organizer_id, by or NOBODY)

    def update_event(self, tx: Transaction, event_id: str, patch: EventPatch, by: Caller | None) -> Event:
        """Returns the changed event."""
        _check_writes(tx)
        return self._events.change(tx, event_id, patch, None, by or NOBODY, as_system=by is None)

    def cancel_event(self, tx: Transaction, event_id: str, by: Caller | None) -> Event:
        """Returns the cancelled event."""
        return self.update_event(tx, event_id, _CANCELLED, by)

    def delete_event(self, tx: Transaction, event_id: str, by: Caller | None) -> None:
        """Deletes the event and its registrations."""
        _check_writes(tx)
        self._events.end(tx, event_id, None, by or NOBODY, as_system=by is None)

    def record(self, tx: Transaction, change: NewChange, by: Caller | None) -> None:
        """Records a change."""
        _check_writes(tx)
        self._changes.record(tx, change, by or NOBODY)

    def touch_card(self, tx: Transaction, event_id: str) -> None:
        """Notes that the card of an event shows something else."""
        _check_writes(tx)
        self._seats.touch_card(tx, event_id)

    def copy_event(self, tx: Transaction, event_id: str, changes: EventPatch, by: Caller | None) -> Event:
        """Returns a copy of an event. The caller organizes it; the system's copy has the organizer of the original."""
        _check_writes(tx)
        if by is None:
            original = self._events.load_for_all(tx, event_id)
        else:
            original = self._events.load_as_host(tx, event_id, by.user_id)
        given = {name: value for name in EventPatch.__struct_fields__ if (value := getattr(changes, name)) is not UNSET}
        copy = EventCopy(**{"start_time": original.start_time, **given})
        organizer_id = original.organizer_id if by is None else by.user_id
        made = self._copies.make(tx, original, copy, organizer_id, by or NOBODY)
        return self._events.load(tx, made.id, organizer_id)


def _actor(by: Caller | None) -> OwnActor:
    return "system" if by is None else "self"


def _check_guests(guests: int) -> None:
    if not 0 <= guests <= MAX_GUESTS:
        raise Invalid(FieldError("guests", "too_many_guests", {"maximum": MAX_GUESTS}))


def _check_writes(tx: Transaction) -> None:
    if not tx.can_write:
        raise LookupError("this transaction only reads")
