"""Changes registrations: each is a seat or a place on the waiting list, first come, first served."""

from msgspec import structs

from eventorg.domain.callers import Caller
from eventorg.domain.errors import Forbidden
from eventorg.domain.events import Event, check_open
from eventorg.domain.exports import StoredRegistration
from eventorg.domain.facts import ChangeType, NewChange, actor_for, registration_step
from eventorg.domain.idempotency import Once
from eventorg.domain.registrations import (
    CancelledBy,
    NewRegistration,
    Registration,
    RegistrationPatch,
    check_leaving,
    check_seated,
)
from eventorg.domain.values import check_version
from eventorg.repositories.changes import ChangeRepository
from eventorg.repositories.events import EventRepository
from eventorg.repositories.idempotency import IdempotencyRepository
from eventorg.repositories.participants import ParticipantRepository
from eventorg.repositories.seats import Seats
from eventorg.repositories.steps import MIN_PARTIES, Step
from eventorg.storage.database import Database
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction


class RegistrationRepository:
    """Makes, changes and ends registrations. `ParticipantRepository` reads them."""

    def __init__(
        self,
        database: Database,
        sql: Statements,
        changes: ChangeRepository,
        seats: Seats,
        events: EventRepository,
        participants: ParticipantRepository,
        idempotency: IdempotencyRepository,
    ) -> None:
        self._database = database
        self._sql = sql
        self._changes = changes
        self._seats = seats
        self._events = events
        self._participants = participants
        self._idempotency = idempotency

    async def register(
        self, event_id: str, new: NewRegistration, caller: Caller, once: Once | None = None
    ) -> tuple[Registration, bool]:
        """Returns the caller's registration, and true if it is new. A second call returns the same one.

        Raises `NotFound`, `Forbidden` (for another user) and `Conflict` (`event_full`, `event_over`, …).
        """
        if new.user_id not in (None, caller.user_id):
            raise Forbidden()

        def may_see(tx: Transaction, _: tuple[Registration, bool]) -> None:
            self._events.load(tx, event_id, caller.user_id)

        return await self._idempotency.write(
            caller, tuple[Registration, bool], lambda tx: self._register(tx, event_id, caller), once, may_see
        )

    async def leave(self, event_id: str, expected: frozenset[str] | None, caller: Caller) -> Registration:
        """Cancels the caller's registration and returns it. A second call changes nothing.

        Raises `NotFound`, `VersionMismatch` and `Conflict` (`already_attended`, `event_over`).
        """

        def work(tx: Transaction) -> Registration:
            event = self._events.load(tx, event_id, caller.user_id)
            return self._end(tx, event, caller.user_id, expected, caller, "self")

        return await self._database.write(work)

    async def remove(
        self, event_id: str, user_id: str, expected: frozenset[str] | None, caller: Caller
    ) -> Registration:
        """Cancels a participant's registration as a host, and returns it.

        A participant who left before counts as removed from now on. Raises `NotFound`, `Forbidden` (not a host) and
        `VersionMismatch`.
        """

        def work(tx: Transaction) -> Registration:
            event = self._events.load_as_host(tx, event_id, caller.user_id)
            removed = self._end(tx, event, user_id, expected, caller, "host")
            self._events.note_act(tx, event.id, caller)
            return removed

        return await self._database.write(work)

    async def check_in(
        self,
        event_id: str,
        user_id: str,
        patch: RegistrationPatch,
        expected: frozenset[str] | None,
        caller: Caller,
        once: Once | None = None,
    ) -> Registration:
        """Marks a registration as attended, or undoes that, and returns it.

        Raises `NotFound`, `Forbidden` (not a host), `VersionMismatch` and `Conflict` (no seat).
        """

        def work(tx: Transaction) -> Registration:
            event = self._events.load_as_host(tx, event_id, caller.user_id)
            before = self._participants.load(tx, event.id, user_id)
            check_version(before.version, expected)
            check_seated(before.status)
            if before.status == patch.status:
                return before
            tx.run(self._sql.set_registration_status, event_id=event.id, user_id=user_id, status=patch.status)
            kind: ChangeType = "registration.attended" if patch.status == "attended" else "registration.updated"
            step = registration_step(patch.status, before.status, actor_for(user_id, caller))
            self._changes.record(tx, NewChange(kind, event.id, user_id, step), caller)
            self._events.note_act(tx, event.id, caller)
            return structs.replace(before, status=patch.status)

        def may_see(tx: Transaction, _: Registration) -> None:
            self._events.load_as_host(tx, event_id, caller.user_id)

        return await self._idempotency.write(caller, Registration, work, once, may_see)

    def remove_all_for_user(self, tx: Transaction, user_id: str, by: Caller, step: Step) -> bool:
        """Deletes the registrations of a user whose account is being deleted, except for events that go with it.

        Each seat goes to the first person on the waiting list. Returns false if the step was too short.
        """
        while rows := tx.all(self._sql.list_registrations_to_end, user_id=user_id, limit=MIN_PARTIES):
            for held in rows:
                if not step.may_move():
                    return False
                event_id = held["event_id"]
                tx.run(self._sql.delete_registration, event_id=event_id, user_id=user_id)
                if held["status"] != "cancelled":
                    data = registration_step("cancelled", held["status"], actor_for(user_id, by))
                    self._changes.record(tx, NewChange("registration.cancelled", event_id, user_id, data), by)
                    self._seats.give_up(tx, event_id, held["status"], by)
        return True

    def find_all_for_user(self, tx: Transaction, user_id: str) -> list[StoredRegistration]:
        """Returns every registration of a user in the order they were made, including cancelled ones."""
        stored = []
        for row in tx.all(self._sql.list_registrations_of, user_id=user_id):
            registration = structs.asdict(self._participants.load(tx, row["event_id"], user_id))
            stored.append(StoredRegistration(**registration, cancelled_by=row["cancelled_by"]))
        return stored

    def _end(
        self,
        tx: Transaction,
        event: Event,
        user_id: str,
        expected: frozenset[str] | None,
        caller: Caller,
        cancelled_by: CancelledBy,
    ) -> Registration:
        before = self._participants.load(tx, event.id, user_id)
        check_version(before.version, expected)
        if cancelled_by == "self":
            if before.status == "cancelled":
                return before
            check_leaving(before.status, event, tx.now)
        tx.run(self._sql.cancel_registration, event_id=event.id, user_id=user_id, cancelled_by=cancelled_by)
        if before.status == "cancelled":
            return before
        step = registration_step("cancelled", before.status, actor_for(user_id, caller))
        self._changes.record(tx, NewChange("registration.cancelled", event.id, user_id, step), caller)
        self._seats.give_up(tx, event.id, before.status, caller)
        return structs.replace(before, status="cancelled", waitlist_position=None)

    def _register(self, tx: Transaction, event_id: str, caller: Caller) -> tuple[Registration, bool]:
        user_id = caller.user_id
        event = self._events.load(tx, event_id, user_id)
        before = tx.one(self._sql.get_registration, event_id=event.id, user_id=user_id)
        if before is not None and before["status"] != "cancelled":
            return Registration(**before), False
        check_open(event, tx.now)
        if before is not None:
            tx.run(self._sql.forget_cancelled, event_id=event.id, user_id=user_id)
        status, position = self._seats.claim(tx, event)
        tx.run(self._sql.create_registration, event_id=event.id, user_id=user_id, status=status, now=tx.now)
        step = registration_step(status, "cancelled" if before else None, actor_for(user_id, caller))
        self._changes.record(tx, NewChange("registration.created", event.id, user_id, step), caller)
        made = Registration(
            event_id=event.id, user_id=user_id, status=status, registration_date=tx.now, waitlist_position=position
        )
        return made, True
