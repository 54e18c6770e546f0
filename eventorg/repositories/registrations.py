"""A user's own registrations: each is a seat or a place on the waiting list, first come, first served."""

from msgspec import structs

from eventorg.domain.admission import Admission
from eventorg.domain.callers import Caller
from eventorg.domain.errors import Forbidden, NotFound
from eventorg.domain.exports import StoredRegistration
from eventorg.domain.facts import NewChange, OwnActor, actor_for, registration_step
from eventorg.domain.idempotency import Once
from eventorg.domain.parties import Party, PartyPatch
from eventorg.domain.registrations import NewRegistration, Place, Registration, check_leaving
from eventorg.domain.values import check_version
from eventorg.repositories.answers import Answers
from eventorg.repositories.changes import ChangeRepository
from eventorg.repositories.events import EventRepository
from eventorg.repositories.idempotency import IdempotencyRepository
from eventorg.repositories.participants import ParticipantRepository
from eventorg.repositories.places import Places
from eventorg.repositories.seats import Seats
from eventorg.repositories.steps import MIN_PARTIES, Step
from eventorg.storage.database import Database
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction


class RegistrationRepository:
    """Makes, changes and ends the registrations of the caller. `GuestListRepository` has the acts of hosts, and
    `ParticipantRepository` reads."""

    def __init__(
        self,
        database: Database,
        sql: Statements,
        changes: ChangeRepository,
        seats: Seats,
        places: Places,
        answers: Answers,
        events: EventRepository,
        participants: ParticipantRepository,
        idempotency: IdempotencyRepository,
    ) -> None:
        self._database = database
        self._sql = sql
        self._changes = changes
        self._seats = seats
        self._places = places
        self._answers = answers
        self._events = events
        self._participants = participants
        self._idempotency = idempotency

    async def register(
        self, event_id: str, new: NewRegistration, caller: Caller, once: Once | None = None
    ) -> tuple[Registration, bool]:
        """Returns the caller's registration, and true if it is new. A second call returns the same one.

        Raises `NotFound`, `Forbidden` (for another user, or `blocked`), `Invalid` (too many guests) and `Conflict`
        (`event_full`, `event_over`, …).
        """
        if new.user_id not in (None, caller.user_id):
            raise Forbidden()

        def work(tx: Transaction) -> tuple[Registration, bool]:
            return self.enter(tx, event_id, caller.user_id, new.party, caller, "self")

        def may_see(tx: Transaction, _: tuple[Registration, bool]) -> None:
            self._events.load(tx, event_id, caller.user_id)

        return await self._idempotency.write(caller, tuple[Registration, bool], work, once, may_see)

    async def change_party(
        self,
        event_id: str,
        patch: PartyPatch,
        expected: frozenset[str] | None,
        caller: Caller,
        once: Once | None = None,
    ) -> Registration:
        """Changes the caller's party, and returns the registration.

        Raises `NotFound`, `VersionMismatch`, `Forbidden` (`blocked`), `Invalid` (too many guests or names) and
        `Conflict` (`event_full`, `event_over`, and for a party that grows the errors of `register`).
        """

        def work(tx: Transaction) -> Registration:
            asked = self._ask(tx, event_id, caller.user_id, "self")
            if not asked.is_registered:
                raise NotFound("registration_not_found")
            before = self._participants.load(tx, asked.event_id, caller.user_id)
            check_version(before.version, expected)
            return self._places.change_party(tx, asked, before, patch, caller, "self")

        def may_see(tx: Transaction, _: Registration) -> None:
            self._events.load(tx, event_id, caller.user_id)

        return await self._idempotency.write(caller, Registration, work, once, may_see)

    async def leave(self, event_id: str, expected: frozenset[str] | None, caller: Caller) -> Registration:
        """Cancels the caller's registration and returns it. A stored answer ends. A second call changes nothing.

        Raises `NotFound`, `VersionMismatch` and `Conflict` (`already_attended`, `event_over`).
        """

        def work(tx: Transaction) -> Registration:
            return self.end(tx, event_id, caller.user_id, expected, caller, "self")

        return await self._database.write(work)

    def enter(
        self, tx: Transaction, event_id: str, user_id: str, party: Party, by: Caller, actor: OwnActor
    ) -> tuple[Registration, bool]:
        """Returns a user's registration, and true if it is new. The system passes every rule but the capacity.

        Raises the errors of `register`.
        """
        asked = self._ask(tx, event_id, user_id, actor)
        if asked.is_registered:
            return self._participants.load(tx, asked.event_id, user_id), False
        if actor == "system" and tx.one(self._sql.is_name_only, user_id=user_id) and asked.status is None:
            raise NotFound("user_not_found")  # a participant of another event
        return self._places.enter(tx, asked, party, by, actor), True

    def end(
        self,
        tx: Transaction,
        event_id: str,
        user_id: str,
        expected: frozenset[str] | None,
        by: Caller,
        actor: OwnActor,
    ) -> Registration:
        """Cancels a user's registration and returns it. The system can do this at any time.

        Raises the errors of `leave`.
        """
        asked = self._ask(tx, event_id, user_id, actor)
        before = self._participants.load(tx, asked.event_id, user_id)
        check_version(before.version, expected)
        if before.status == "cancelled" and asked.answer is None:
            return before
        if actor == "self":
            check_leaving(before.status, asked.end_time, tx.now)
        if before.status == "cancelled":
            self._answers.end(tx, asked.event_id, user_id, by)
            return before
        return self._places.end(tx, before, by, actor, actor)

    def remove_all_for_user(self, tx: Transaction, user_id: str, by: Caller, step: Step) -> bool:
        """Deletes the registrations of a user whose account is being deleted, except for events that go with it.

        Seats go to the first parties on the waiting list that fit. Returns false if the step was too short.
        """
        while rows := tx.all(self._sql.list_registrations_to_end, user_id=user_id, limit=MIN_PARTIES):
            for held in rows:
                if not step.may_move():
                    return False
                event_id = held["event_id"]
                tx.run(self._sql.delete_registration, event_id=event_id, user_id=user_id)
                if held["status"] == "cancelled":
                    self._seats.touch_card(tx, event_id)
                    continue
                place = Place(held["status"], approved=bool(held["approved"]), guests=held["guests"])
                data = registration_step(
                    structs.replace(place, status="cancelled"), place.status, actor_for(user_id, by)
                )
                self._changes.record(tx, NewChange("registration.cancelled", event_id, user_id, data), by)
                self._seats.give_up(tx, event_id, place, by)
        return True

    def find_all_for_user(self, tx: Transaction, user_id: str) -> list[StoredRegistration]:
        """Returns every registration of a user in the order they were made, including cancelled ones."""
        stored = []
        for row in tx.all(self._sql.list_registrations_of, user_id=user_id):
            registration = structs.asdict(self._participants.load(tx, row["event_id"], user_id))
            stored.append(StoredRegistration(**registration, cancelled_by=row["cancelled_by"]))
        return stored

    def _ask(self, tx: Transaction, event_id: str, user_id: str, actor: OwnActor) -> Admission:
        asked = self._places.ask(tx, event_id, user_id)
        if actor == "self":
            asked.check_visible()
        return asked
