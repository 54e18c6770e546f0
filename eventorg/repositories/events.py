"""Events: who may see and change them is asked inside the transaction that reads or changes them."""

import secrets
import sqlite3
from typing import Final
from uuid import uuid4

from msgspec import UNSET, structs

from eventorg.domain.callers import Caller
from eventorg.domain.errors import Forbidden, NotFound
from eventorg.domain.events import (
    Event,
    EventPatch,
    EventQuery,
    NewEvent,
    Role,
    check_draft,
    check_host,
    check_organizer,
    check_times,
    check_visible,
    is_hidden,
)
from eventorg.domain.facts import NewChange
from eventorg.domain.idempotency import Once
from eventorg.domain.normal_forms import fold
from eventorg.domain.values import BASE58, check_version
from eventorg.repositories.changes import ChangeRepository
from eventorg.repositories.event_search import compose_search
from eventorg.repositories.idempotency import IdempotencyRepository
from eventorg.repositories.seats import Seats
from eventorg.storage.database import Database
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction

CODE_LENGTH = 9
MAX_PAGE_BYTES: Final = 1024 * 1024
"""About the size of a page of events as JSON, so that no client makes the server hold more than that for it."""
_OTHER_FIELDS_BYTES: Final = 700


class EventRepository:
    """The events. Wherever an event is named, its id or its code will do."""

    def __init__(
        self,
        database: Database,
        sql: Statements,
        changes: ChangeRepository,
        seats: Seats,
        idempotency: IdempotencyRepository,
    ) -> None:
        self._database = database
        self._sql = sql
        self._changes = changes
        self._seats = seats
        self._idempotency = idempotency

    async def create(self, new: NewEvent, caller: Caller, once: Once | None = None) -> Event:
        """The event, organized by the caller. Raises `Forbidden` if it names another organizer."""
        if new.organizer_id not in (None, caller.user_id):
            raise Forbidden()

        def may_see(tx: Transaction, event: Event) -> None:
            self.load(tx, event.id, caller.user_id)

        return await self._idempotency.write(caller, Event, lambda tx: self._create(tx, new, caller), once, may_see)

    async def get(self, event_id: str, viewer_id: str | None) -> Event:
        """The event. Raises `NotFound` if there is none that the viewer may see."""
        event = await self._database.look_up(self._load, event_id)  # the same for whoever may see it
        return await self._database.look_up(self.load, event_id, viewer_id) if is_hidden(event) else event

    async def find(
        self, wanted: EventQuery, viewer_id: str | None, after: tuple[str, str] | None, limit: int
    ) -> tuple[list[Event], tuple[str, str] | None, int]:
        """Returns the events that the viewer may find, by start time and id, after such a place; the place to go on
        from, if there are more; and the number of the last change.

        It returns up to `limit` events, and fewer if they would take more than `MAX_PAGE_BYTES`.
        """
        statement, values = compose_search(wanted, viewer_id, after, limit + 1)

        def work(tx: Transaction) -> tuple[list[Event], tuple[str, str] | None, int]:
            room = _Room()
            rows = tx.all_until(statement, room.is_used_up_by, **values)
            more = len(rows) > limit or room.left < 0
            events = [_event(row) for row in (rows[:-1] if more else rows)]
            return events, (events[-1].start_time, events[-1].id) if more else None, self._changes.load_last(tx)

        return await self._database.read(work)

    async def update(
        self,
        event_id: str,
        patch: EventPatch,
        expected: frozenset[str] | None,
        caller: Caller,
        once: Once | None = None,
    ) -> Event:
        """The event as changed; nothing is recorded if nothing changes.

        Raises `NotFound`, `Forbidden` (not a host), `VersionMismatch`, `Invalid` (ends before it starts) and
        `Conflict` (back to a draft while people are registered).
        """

        def may_see(tx: Transaction, _: Event) -> None:
            self.load_as_host(tx, event_id, caller.user_id)

        return await self._idempotency.write(
            caller, Event, lambda tx: self._update(tx, event_id, patch, expected, caller), once, may_see
        )

    async def delete(self, event_id: str, expected: frozenset[str] | None, caller: Caller) -> None:
        """Removes the event and its registrations. Raises `NotFound`, `Forbidden` and `VersionMismatch`."""

        def work(tx: Transaction) -> None:
            event, role = self.load_with_role(tx, event_id, caller.user_id)
            check_organizer(role)
            check_version(event.version, expected)
            self.remove(tx, event.id, caller)

        await self._database.write(work)

    def load(self, tx: Transaction, event_id: str, viewer_id: str | None) -> Event:
        """The event. Raises `NotFound` if the viewer may not know of it."""
        event = self._load(tx, event_id)
        if is_hidden(event):
            check_visible(event, self._role(tx, event, viewer_id))
        return event

    def load_with_role(self, tx: Transaction, event_id: str, viewer_id: str | None) -> tuple[Event, Role | None]:
        """The event, and what the viewer is to it. Raises `NotFound` if the viewer may not know of it."""
        event = self._load(tx, event_id)
        role = self._role(tx, event, viewer_id)
        check_visible(event, role)
        return event, role

    def load_as_host(self, tx: Transaction, event_id: str, caller_id: str) -> Event:
        """Returns the event. Raises `NotFound`, or `Forbidden` if the caller is not one of its hosts."""
        event, role = self.load_with_role(tx, event_id, caller_id)
        check_host(role)
        return event

    def find_all_for_user(self, tx: Transaction, user_id: str) -> list[Event]:
        """The events a user organizes or co-hosts, by start time."""
        return [self.load(tx, row["id"], user_id) for row in tx.all(self._sql.list_organized, user_id=user_id)]

    def remove(self, tx: Transaction, event_id: str, by: Caller) -> None:
        """Removes an event and all that hangs on it."""
        self._changes.record(tx, NewChange("event.deleted", event_id), by)
        tx.run(self._sql.delete_event, event_id=event_id)

    def remove_all_for_user(self, tx: Transaction, user_id: str, by: Caller) -> None:
        """Passes each event a user organizes to its longest-serving co-host, or removes it if there is none."""
        for owned in tx.all(self._sql.list_owned, user_id=user_id):
            event_id = owned["id"]
            heir = tx.one(self._sql.transfer_ownership, event_id=event_id, now=tx.now)
            if heir is None:
                self.remove(tx, event_id, by)
            else:
                tx.run(self._sql.remove_host, event_id=event_id, user_id=heir["organizer_id"])
                self._changes.record(tx, NewChange("event.updated", event_id, heir["organizer_id"]), by)

    def _load(self, tx: Transaction, event_id: str) -> Event:
        row = tx.one(self._sql.get_event, event_id=event_id)
        if row is None:
            raise NotFound("event_not_found")
        return _event(row)

    def _role(self, tx: Transaction, event: Event, viewer_id: str | None) -> Role | None:
        role: Role | None = tx.row(self._sql.get_role, event_id=event.id, viewer_id=viewer_id)["role"]
        return role

    def _create(self, tx: Transaction, new: NewEvent, caller: Caller) -> Event:
        values = structs.asdict(new) | {"organizer_id": caller.user_id, "event_id": str(uuid4())}
        words = _search_text(new.title, new.description, new.location)
        row = None
        while row is None:  # a code that is taken makes no row
            row = tx.one(self._sql.create_event, code=_new_code(), search_text=words, now=tx.now, **values)
        event = _event(row)
        # It names the organizer: whoever waits for news cannot wait for an event that is not there yet.
        self._changes.record(tx, NewChange("event.created", event.id, caller.user_id), caller)
        return event

    def _update(
        self, tx: Transaction, event_id: str, patch: EventPatch, expected: frozenset[str] | None, caller: Caller
    ) -> Event:
        before = self.load_as_host(tx, event_id, caller.user_id)
        check_version(before.version, expected)
        given = {name: value for name, value in structs.asdict(patch).items() if value is not UNSET}
        after = structs.replace(before, **given)
        if after == before:
            return before
        check_times(after.start_time, after.end_time)
        check_draft(before, after)
        values = {name: getattr(after, name) for name in EventPatch.__struct_fields__}
        words = _search_text(after.title, after.description, after.location)
        tx.run(self._sql.update_event, event_id=before.id, search_text=words, now=tx.now, **values)
        cancelled = after.status == "cancelled" != before.status
        self._changes.record(tx, NewChange("event.cancelled" if cancelled else "event.updated", before.id), caller)
        self._seats.fill(tx, before.id, caller)
        return self.load(tx, before.id, caller.user_id)


class _Room:
    """The room that is left for the events of a page. One event always fits."""

    def __init__(self) -> None:
        self.left = MAX_PAGE_BYTES

    def is_used_up_by(self, row: sqlite3.Row) -> bool:
        texts = (row["title"], row["description"] or "", row["location"] or "")
        self.left -= _OTHER_FIELDS_BYTES + sum(len(text.encode()) for text in texts)
        return self.left < 0


def _event(row: sqlite3.Row) -> Event:
    values = dict(zip(row.keys(), row, strict=True))  # as `dict(row)`, in half of the time
    values["waitlist"] = bool(values["waitlist"])
    return Event(**values)


def _search_text(title: str, description: str | None, location: str | None) -> str:
    return fold("\n".join(part for part in (title, description, location) if part))


def _new_code() -> str:
    return "".join(secrets.choice(BASE58) for _ in range(CODE_LENGTH))
