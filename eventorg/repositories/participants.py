"""Reads registrations: the participants of an event."""

from typing import Final

from msgspec import Raw, structs
from msgspec.json import decode

from eventorg.domain.callers import Caller
from eventorg.domain.errors import NotFound
from eventorg.domain.events import check_sees_names
from eventorg.domain.registrations import (
    Participants,
    Registration,
    RegistrationStatus,
)
from eventorg.repositories.changes import ChangeRepository
from eventorg.repositories.events import EventRepository
from eventorg.repositories.user_expansion import UserExpansion
from eventorg.storage.database import Database
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Parameter, Transaction

MAX_LOOKED_UP: Final = 250
"""Up to this number, participants are read on the event loop, which takes less than half a millisecond."""


class ParticipantRepository:
    """The registrations of events, for reading."""

    def __init__(
        self,
        database: Database,
        sql: Statements,
        changes: ChangeRepository,
        events: EventRepository,
        expansion: UserExpansion,
    ) -> None:
        self._database = database
        self._sql = sql
        self._changes = changes
        self._events = events
        self._expansion = expansion

    async def get(self, event_id: str, user_id: str, caller: Caller) -> Registration:
        """Returns a user's registration. Raises `NotFound`, and `Forbidden` (`participants_hidden`) if it is another
        user's and the caller may not read names."""

        def work(tx: Transaction) -> Registration:
            event = self._events.load(tx, event_id, caller.user_id)
            if user_id != caller.user_id:
                check_sees_names(event)
            return self.load(tx, event.id, user_id)

        return await self._database.read(work)

    async def find(
        self,
        event_id: str,
        status: RegistrationStatus | None,
        approved: bool | None,
        after: int,
        limit: int | None,
        caller: Caller,
        *,
        with_users: bool,
    ) -> tuple[Participants, int | None]:
        """Returns the registrations of an event that were made after position `after`, and the position of the last
        one if there are more.

        Without a status, cancelled registrations are left out. `approved` leaves only those that are, or that are not.
        Raises `NotFound`, and `Forbidden` (`participants_hidden`).
        """
        if with_users:
            return await self._database.read(
                lambda tx: self._list_expanded(tx, event_id, status, approved, after, limit, caller)
            )
        event = await self._events.get(event_id, caller.user_id)
        check_sees_names(event)
        people = event.registered_count + event.waitlisted_count + event.pending_count
        # The event has no counter of cancelled registrations.
        if status != "cancelled" and people <= MAX_LOOKED_UP:
            return await self._database.look_up(self._list, event.id, status, approved, after, limit)

        def work(tx: Transaction) -> tuple[Participants, int | None]:
            event = self._events.load(tx, event_id, caller.user_id)
            check_sees_names(event)
            return self._list(tx, event.id, status, approved, after, limit)

        return await self._database.read(work)

    def load(self, tx: Transaction, event_id: str, user_id: str) -> Registration:
        """Returns a user's registration for an event, given by its ID. Raises `NotFound`."""
        row = tx.one(self._sql.get_registration, event_id=event_id, user_id=user_id)
        if row is None:
            raise NotFound("registration_not_found")
        values = dict(zip(row.keys(), row, strict=True))
        values["guest_names"] = decode(values["guest_names"])
        values["approved"] = bool(values["approved"])
        return Registration(**values)

    def _list(
        self,
        tx: Transaction,
        event_id: str,
        status: RegistrationStatus | None,
        approved: bool | None,
        after: int,
        limit: int | None,
    ) -> tuple[Participants, int | None]:
        chosen: dict[str, Parameter] = {"event_id": event_id, "status": status, "approved": approved}
        page = tx.row(self._sql.list_participants, after=after, limit=-1 if limit is None else limit, **chosen)
        is_full = page["count"] == limit
        more = is_full and tx.one(self._sql.has_participants_after, after=page["last"], **chosen) is not None
        listed = Raw(page["participants"].encode())
        found = Participants(event_id=event_id, participants=listed, next=None, as_of=self._changes.load_last(tx))
        return found, page["last"] if more else None

    def _list_expanded(
        self,
        tx: Transaction,
        event_id: str,
        status: RegistrationStatus | None,
        approved: bool | None,
        after: int,
        limit: int | None,
        caller: Caller,
    ) -> tuple[Participants, int | None]:
        event = self._events.load(tx, event_id, caller.user_id)
        check_sees_names(event)
        found, last = self._list(tx, event.id, status, approved, after, limit)
        expanded = self._expansion.add_users(tx, bytes(found.participants).decode(), caller)
        return structs.replace(found, participants=expanded), last
