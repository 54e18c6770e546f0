"""Registrations: each a seat or a place in the waiting list, given out first come, first served."""

from typing import cast

import msgspec
from msgspec import structs

from eventorg.domain.callers import Caller
from eventorg.domain.errors import Forbidden, NotFound
from eventorg.domain.events import check_open
from eventorg.domain.facts import NewChange
from eventorg.domain.idempotency import Once
from eventorg.domain.registrations import (
    CardData,
    NewRegistration,
    OrganizedEvent,
    ParticipantCounts,
    Participants,
    ParticipatedEvent,
    Registration,
    RegistrationPatch,
    RegistrationStatus,
    UserEvents,
    check_seated,
)
from eventorg.domain.users import check_self, display_name
from eventorg.domain.values import check_version
from eventorg.repositories.changes import ChangeRepository
from eventorg.repositories.events import EventRepository
from eventorg.repositories.idempotency import IdempotencyRepository
from eventorg.repositories.seats import Seats
from eventorg.storage.database import Database
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction

MAX_LOOKED_UP = 250
"""The participants of an event of so many are read on the event loop, which takes less than half a millisecond."""


class RegistrationRepository:
    """Who comes to what."""

    def __init__(
        self,
        database: Database,
        sql: Statements,
        changes: ChangeRepository,
        seats: Seats,
        events: EventRepository,
        idempotency: IdempotencyRepository,
    ) -> None:
        self._database = database
        self._sql = sql
        self._changes = changes
        self._seats = seats
        self._events = events
        self._idempotency = idempotency

    async def register(
        self, event_id: str, new: NewRegistration, caller: Caller, once: Once | None = None
    ) -> tuple[Registration, bool]:
        """The caller's registration, and whether it is new: asked for twice, it is the same one.

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
        """The caller's registration, cancelled; again, it is the same. Raises `NotFound` and `VersionMismatch`."""

        def work(tx: Transaction) -> Registration:
            event = self._events.load(tx, event_id, caller.user_id)
            return self._end(tx, event.id, caller.user_id, expected, caller)

        return await self._database.write(work)

    async def remove(
        self, event_id: str, user_id: str, expected: frozenset[str] | None, caller: Caller
    ) -> Registration:
        """Somebody's registration, cancelled by a host. Raises `NotFound`, `Forbidden` and `VersionMismatch`."""

        def work(tx: Transaction) -> Registration:
            event = self._events.load_as_host(tx, event_id, caller.user_id)
            return self._end(tx, event.id, user_id, expected, caller)

        return await self._database.write(work)

    async def get(self, event_id: str, user_id: str, caller: Caller) -> Registration:
        """Somebody's registration. Raises `NotFound`."""

        def work(tx: Transaction) -> Registration:
            event = self._events.load(tx, event_id, caller.user_id)
            return self._load(tx, event.id, user_id)

        return await self._database.read(work)

    async def check_in(
        self,
        event_id: str,
        user_id: str,
        patch: RegistrationPatch,
        expected: frozenset[str] | None,
        caller: Caller,
        once: Once | None = None,
    ) -> Registration:
        """Somebody's registration, as attended or no longer so. Raises `NotFound`, `Forbidden` (not a host),
        `VersionMismatch` and `Conflict` (no seat)."""

        def work(tx: Transaction) -> Registration:
            event = self._events.load_as_host(tx, event_id, caller.user_id)
            before = self._load(tx, event.id, user_id)
            check_version(before.version, expected)
            check_seated(before.status)
            if before.status == patch.status:
                return before
            tx.run(self._sql.set_registration_status, event_id=event.id, user_id=user_id, status=patch.status)
            self._changes.record(tx, NewChange("registration.attended", event.id, user_id), caller)
            return structs.replace(before, status=patch.status)

        def may_see(tx: Transaction, _: Registration) -> None:
            self._events.load_as_host(tx, event_id, caller.user_id)

        return await self._idempotency.write(caller, Registration, work, once, may_see)

    async def get_card_data(self, event_id: str, most_names: int, caller: Caller) -> CardData:
        """An event with its numbers and the first names of those who have a seat. Raises `NotFound`."""

        def work(tx: Transaction) -> CardData:
            event = self._events.load(tx, event_id, caller.user_id)
            counts = tx.row(self._sql.count_participants, event_id=event.id)
            names = [
                display_name(**row) for row in tx.all(self._sql.list_first_names, event_id=event.id, limit=most_names)
            ]
            return CardData(event, ParticipantCounts(**counts), names)

        return await self._database.read(work)

    async def find_participants(
        self, event_id: str, status: RegistrationStatus | None, after: int, limit: int | None, caller: Caller
    ) -> tuple[Participants, int | None]:
        """The registrations of an event after a place in its order, and the place to go on from, if any.

        Without a status: all but the cancelled. Raises `NotFound`.
        """
        event = await self._events.get(event_id, caller.user_id)
        # Nobody counts those who have left.
        if status != "cancelled" and event.registered_count + event.waitlisted_count <= MAX_LOOKED_UP:
            return await self._database.look_up(self._list, event.id, status, after, limit)
        return await self._database.read(
            lambda tx: self._list(tx, self._events.load(tx, event_id, caller.user_id).id, status, after, limit)
        )

    async def find_events_of(self, user_id: str, caller: Caller) -> UserEvents:
        """All that a user runs and goes to. Raises `NotFound`, and `Forbidden` unless it is the caller."""

        def work(tx: Transaction) -> UserEvents:
            if tx.one(self._sql.get_user, user_id=user_id) is None:
                raise NotFound("user_not_found")
            check_self(user_id, caller.user_id)
            return UserEvents(
                organized_events=[OrganizedEvent(**row) for row in tx.all(self._sql.list_organized, user_id=user_id)],
                participated_events=[
                    ParticipatedEvent(**row) for row in tx.all(self._sql.list_participated, user_id=user_id)
                ],
            )

        return await self._database.read(work)

    def remove_all_for_user(self, tx: Transaction, user_id: str, by: Caller) -> None:
        """Ends all registrations of a user: the seats go to the first in line."""
        for held in tx.all(self._sql.list_registrations_of, user_id=user_id):
            if held["status"] == "cancelled":
                continue
            tx.run(self._sql.delete_registration, event_id=held["event_id"], user_id=user_id)
            self._changes.record(tx, NewChange("registration.cancelled", held["event_id"], user_id), by)
            self._seats.give_up(tx, held["event_id"], held["status"], by)

    def find_all_for_user(self, tx: Transaction, user_id: str) -> list[Registration]:
        """Every registration of a user, the cancelled ones too, in the order they were made."""
        rows = tx.all(self._sql.list_registrations_of, user_id=user_id)
        return [self._load(tx, row["event_id"], user_id) for row in rows]

    def _list(
        self, tx: Transaction, event_id: str, status: RegistrationStatus | None, after: int, limit: int | None
    ) -> tuple[Participants, int | None]:
        chosen = {"event_id": event_id, "status": status}
        page = tx.row(self._sql.list_participants, after=after, limit=-1 if limit is None else limit, **chosen)
        is_full = page["count"] == limit
        more = is_full and tx.one(self._sql.has_participants_after, after=page["last"], **chosen) is not None
        listed = cast("list[Registration]", msgspec.Raw(page["participants"].encode()))  # JSON already
        found = Participants(event_id=event_id, participants=listed, next=None)
        return found, page["last"] if more else None

    def _load(self, tx: Transaction, event_id: str, user_id: str) -> Registration:
        row = tx.one(self._sql.get_registration, event_id=event_id, user_id=user_id)
        if row is None:
            raise NotFound("registration_not_found")
        return Registration(**row)

    def _end(
        self, tx: Transaction, event_id: str, user_id: str, expected: frozenset[str] | None, caller: Caller
    ) -> Registration:
        before = self._load(tx, event_id, user_id)
        check_version(before.version, expected)
        if before.status == "cancelled":
            return before
        tx.run(self._sql.set_registration_status, event_id=event_id, user_id=user_id, status="cancelled")
        self._changes.record(tx, NewChange("registration.cancelled", event_id, user_id), caller)
        self._seats.give_up(tx, event_id, before.status, caller)
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
        self._changes.record(tx, NewChange("registration.created", event.id, user_id), caller)
        made = Registration(
            event_id=event.id, user_id=user_id, status=status, registration_date=tx.now, waitlist_position=position
        )
        return made, True
