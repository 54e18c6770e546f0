"""The places of people at events, inside the caller's transaction: come, change the party, be let in, and leave."""

from msgspec import structs
from msgspec.json import encode

from eventorg.domain.admission import Admission, admit, check_open, check_party_change
from eventorg.domain.callers import Caller
from eventorg.domain.errors import Conflict, NotFound
from eventorg.domain.facts import Actor, ChangeType, NewChange, field_names, registration_step
from eventorg.domain.parties import Party, PartyPatch
from eventorg.domain.registrations import NO_PLACE, CancelledBy, Registration, RegistrationStatus
from eventorg.repositories.answers import Answers
from eventorg.repositories.changes import ChangeRepository
from eventorg.repositories.gates import Gates
from eventorg.repositories.participants import ParticipantRepository
from eventorg.repositories.seats import Seats
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction


class Places:
    """Gives and takes places by the rules of `eventorg.domain.admission`, and records each change."""

    def __init__(
        self,
        sql: Statements,
        changes: ChangeRepository,
        seats: Seats,
        answers: Answers,
        participants: ParticipantRepository,
        gates: Gates,
    ) -> None:
        self._sql = sql
        self._changes = changes
        self._seats = seats
        self._answers = answers
        self._participants = participants
        self._gates = gates

    def ask(self, tx: Transaction, event_id: str, user_id: str) -> Admission:
        """Returns the state that decides whether a user may come. Raises `NotFound` if there is no such event."""
        row = tx.one(self._sql.get_admission, event_id=event_id, user_id=user_id)
        if row is None:
            raise NotFound("event_not_found")
        values = dict(zip(row.keys(), row, strict=True))
        for name in ("waitlist", "approval_required", "can_return", "is_blocked"):
            values[name] = bool(values[name])
        return Admission(**values)

    def enter(
        self, tx: Transaction, asked: Admission, party: Party, by: Caller, actor: Actor, *, invited: bool = False
    ) -> Registration:
        """Returns the new registration of somebody who is not registered. A stored answer ends.

        Raises the errors of `admit`, those of the gates, and `Conflict` (`event_full`).
        """
        approved = admit(asked, party, tx.now, actor, invited=invited)
        self._gates.ask(tx, asked, party, None, by, actor, invited=invited)
        event_id, user_id = asked.event_id, asked.user_id
        if asked.status is not None:
            tx.run(self._sql.forget_cancelled, event_id=event_id, user_id=user_id)
        place = self._seats.claim(tx, asked, party, approved=approved)
        registration = Registration(
            event_id=event_id,
            user_id=user_id,
            status=place.status,
            registration_date=tx.now,
            waitlist_position=None,
            guests=party.guests,
            guest_names=list(party.guest_names),
            approved=place.approved,
        )
        tx.run(
            self._sql.create_registration,
            event_id=event_id,
            user_id=user_id,
            status=place.status,
            guests=party.guests,
            guest_names=_names(party),
            approved=place.approved,
            now=tx.now,
        )
        if asked.answer is not None:
            self._answers.end(tx, event_id, user_id, by, "going")
        self._record(tx, "registration.created", registration, asked.status, by, actor)
        return self._participants.load(tx, event_id, user_id) if place.waitlisted else registration

    def change_party(
        self,
        tx: Transaction,
        asked: Admission,
        before: Registration,
        patch: PartyPatch,
        by: Caller,
        actor: Actor,
        *,
        raise_capacity: bool = False,
    ) -> Registration:
        """Returns the registration with another party. A party that waits keeps its place.

        Raises the errors of `check_party_change`, `Conflict` (`event_full`) if more seats are needed than are free,
        unless the capacity is raised by the missing ones, and those of the gates if a participant's party grows.
        """
        party = before.party.changed(patch)
        if party == before.party:
            return before
        check_party_change(asked, before.party, party, tx.now, actor)
        if party.people > before.party.people and actor == "self":
            self._gates.ask(tx, asked, party, before, by, actor)
        after = structs.replace(before, guests=party.guests, guest_names=list(party.guest_names))
        if raise_capacity:
            self._make_room(tx, before, after, by)
        self._reseat(tx, before, after, may_pass_line=raise_capacity)
        self._save(tx, after)
        self._record(tx, "registration.updated", after, before.status, by, actor)
        if party.people < before.party.people:
            self._seats.fill(tx, before.event_id, by)
        return self._participants.load(tx, before.event_id, before.user_id)

    def approve(
        self, tx: Transaction, asked: Admission, before: Registration, by: Caller, actor: Actor
    ) -> Registration:
        """Returns the approved registration, with seats or a place on the waiting list by its time.

        Raises `Conflict` (`event_full` if the event has no waiting list, and those of an event that is not open).
        """
        if before.approved:
            return before
        check_open(asked, tx.now)
        seated = structs.replace(before, status="registered", approved=True)
        if self._seats.take(tx, before.event_id, before.party.people):
            self._seats.move(tx, before.event_id, before.place, NO_PLACE)
            return self._promote(tx, before, seated, by, actor)
        if not asked.waitlist:
            raise Conflict("event_full")
        waiting = structs.replace(before, approved=True)
        self._seats.move(tx, before.event_id, before.place, waiting.place)
        self._save(tx, waiting)
        self._record(tx, "registration.updated", waiting, before.status, by, actor)
        return self._participants.load(tx, before.event_id, before.user_id)

    def let_in(
        self, tx: Transaction, asked: Admission, before: Registration, by: Caller, *, raise_capacity: bool = False
    ) -> Registration:
        """Returns the registration of somebody who waits, with seats, out of turn.

        Raises `Conflict` (`event_full` unless the capacity is raised by the missing seats, and those of an event that
        is not open).
        """
        check_open(asked, tx.now)
        after = structs.replace(before, status="registered", approved=True, waitlist_position=None)
        if raise_capacity:
            self._make_room(tx, before, after, by)
        if not self._seats.move(tx, before.event_id, before.place, after.place):
            raise Conflict("event_full")
        return self._promote(tx, before, after, by, "host")

    def mark(
        self, tx: Transaction, before: Registration, status: RegistrationStatus, by: Caller, actor: Actor
    ) -> Registration:
        """Returns the registration of somebody who has seats, checked in or not."""
        after = structs.replace(before, status=status)
        self._save(tx, after)
        self._seats.touch_card(tx, before.event_id)
        kind: ChangeType = "registration.attended" if status == "attended" else "registration.updated"
        self._record(tx, kind, after, before.status, by, actor)
        return after

    def end(
        self, tx: Transaction, before: Registration, by: Caller, actor: Actor, cancelled_by: CancelledBy
    ) -> Registration:
        """Returns the cancelled registration. Its seats go to the first parties on the waiting list that fit.

        The stored answer of somebody who left before ends: somebody whom a host removes no longer sees a private event.
        """
        tx.run(
            self._sql.cancel_registration,
            event_id=before.event_id,
            user_id=before.user_id,
            cancelled_by=cancelled_by,
        )
        if before.status == "cancelled":
            self._answers.end(tx, before.event_id, before.user_id, by)
            return before
        after = structs.replace(before, status="cancelled", waitlist_position=None)
        self._record(tx, "registration.cancelled", after, before.status, by, actor)
        self._seats.give_up(tx, before.event_id, before.place, by)
        return after

    def _promote(
        self, tx: Transaction, before: Registration, after: Registration, by: Caller, actor: Actor
    ) -> Registration:
        self._save(tx, after)
        self._record(tx, "registration.promoted", after, before.status, by, actor)
        return after

    def _make_room(self, tx: Transaction, before: Registration, after: Registration, by: Caller) -> None:
        """Raises the event's capacity by the seats that a registration lacks."""
        more = after.place.registered - before.place.registered
        if more > 0 and self._seats.raise_capacity(tx, before.event_id, more):
            changed = field_names(["capacity"])
            self._changes.record(tx, NewChange("event.updated", before.event_id, data=changed), by)

    def _reseat(self, tx: Transaction, before: Registration, after: Registration, *, may_pass_line: bool) -> None:
        """Counts the people of a party that has changed. Seats that wait for the waiting list are not free, unless the
        party may pass it."""
        if after.place == before.place:  # only names of guests, which the card does not show
            return
        more = after.place.registered - before.place.registered
        is_seated = (
            self._seats.take(tx, before.event_id, more)
            if more > 0 and not may_pass_line
            else self._seats.move(tx, before.event_id, before.place, after.place)
        )
        if not is_seated:
            raise Conflict("event_full")

    def _save(self, tx: Transaction, registration: Registration) -> None:
        tx.run(
            self._sql.update_registration,
            event_id=registration.event_id,
            user_id=registration.user_id,
            status=registration.status,
            guests=registration.guests,
            guest_names=_names(registration.party),
            approved=registration.approved,
        )

    def _record(
        self,
        tx: Transaction,
        kind: ChangeType,
        after: Registration,
        previous: RegistrationStatus | None,
        by: Caller,
        actor: Actor,
    ) -> None:
        step = registration_step(after.place, previous, actor)
        self._changes.record(tx, NewChange(kind, after.event_id, after.user_id, step), by)


def _names(party: Party) -> str:
    return encode(party.guest_names).decode()
