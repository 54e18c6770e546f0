"""Registrations: each a seat or a place in the waiting list, given out first come, first served."""

from eventorg.database import Database, Transaction
from eventorg.domain.callers import Caller
from eventorg.domain.errors import Forbidden
from eventorg.domain.events import check_open
from eventorg.domain.facts import Fact
from eventorg.domain.registrations import (
    NewRegistration,
    OrganizedEvent,
    Participants,
    ParticipatedEvent,
    Registration,
    RegistrationStatus,
    UserEvents,
)
from eventorg.domain.users import check_self
from eventorg.repositories.changes import ChangeRepository
from eventorg.repositories.events import EventRepository
from eventorg.repositories.seats import Seats
from eventorg.statements import Statements


class RegistrationRepository:
    """Who comes to what."""

    def __init__(
        self, database: Database, sql: Statements, changes: ChangeRepository, seats: Seats, events: EventRepository
    ) -> None:
        self._database = database
        self._sql = sql
        self._changes = changes
        self._seats = seats
        self._events = events

    async def register(self, event_id: str, new: NewRegistration, caller: Caller) -> tuple[Registration, bool]:
        """The caller's registration, and whether it is new: asked for twice, it is the same one.

        Raises `NotFound`, `Forbidden` (for another user) and `Conflict` (`event_full`, `event_over`, …).
        """
        if new.user_id not in (None, caller.user_id):
            raise Forbidden()
        return await self._database.write(lambda tx: self._register(tx, event_id, caller.user_id))

    async def find_participants(
        self, event_id: str, status: RegistrationStatus | None, after: int, limit: int | None, caller: Caller
    ) -> tuple[Participants, int | None]:
        """The registrations of an event after a place in its order, and the place to go on from, if any.

        Without a status: all but the cancelled. Raises `NotFound`.
        """

        def work(tx: Transaction) -> tuple[Participants, int | None]:
            event, _ = self._events.load(tx, event_id, caller.user_id)
            one_more = -1 if limit is None else limit + 1
            rows = tx.all(self._sql.list_participants, event_id=event.id, after=after, status=status, limit=one_more)
            page = rows if limit is None else rows[:limit]
            last = page[-1]["seq"] if len(page) < len(rows) else None
            found = [Registration(**{key: row[key] for key in Registration.__struct_fields__}) for row in page]
            return Participants(event_id=event.id, participants=found, next=None), last

        return await self._database.read(work)

    async def find_events_of(self, user_id: str, caller: Caller) -> UserEvents:
        """All that a user runs and goes to. Raises `Forbidden` unless it is the caller."""
        check_self(user_id, caller.user_id)

        def work(tx: Transaction) -> UserEvents:
            return UserEvents(
                organized_events=[OrganizedEvent(**row) for row in tx.all(self._sql.list_organized, user_id=user_id)],
                participated_events=[
                    ParticipatedEvent(**row) for row in tx.all(self._sql.list_participated, user_id=user_id)
                ],
            )

        return await self._database.read(work)

    def let_go(self, tx: Transaction, user_id: str) -> None:
        """Ends all registrations of a user: the seats go to the first in line."""
        for held in tx.all(self._sql.list_registrations_of, user_id=user_id):
            tx.run(self._sql.delete_registration, event_id=held["event_id"], user_id=user_id)
            self._changes.record(tx, Fact("registration.cancelled", held["event_id"], user_id), user_id)
            self._seats.give_up(tx, held["event_id"], held["status"], user_id)

    def _register(self, tx: Transaction, event_id: str, user_id: str) -> tuple[Registration, bool]:
        event, _ = self._events.load(tx, event_id, user_id)
        before = tx.one(self._sql.get_registration, event_id=event.id, user_id=user_id)
        if before is not None and before["status"] != "cancelled":
            return Registration(**before), False
        check_open(event, tx.now)
        tx.run(self._sql.forget_cancelled, event_id=event.id, user_id=user_id)
        status, position = self._seats.claim(tx, event)
        tx.run(self._sql.create_registration, event_id=event.id, user_id=user_id, status=status, now=tx.now)
        self._changes.record(tx, Fact("registration.created", event.id, user_id), user_id)
        made = Registration(
            event_id=event.id, user_id=user_id, status=status, registration_date=tx.now, waitlist_position=position
        )
        return made, True
