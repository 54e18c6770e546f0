"""Pages of events: those that a viewer can find, with the viewer's role and with the metadata that hosts see."""

import itertools
import sqlite3
from typing import Final

from msgspec import structs
from msgspec.json import encode

from eventorg.domain.events import Event, EventQuery, is_host
from eventorg.repositories.changes import ChangeRepository
from eventorg.repositories.event_rows import read_event
from eventorg.repositories.event_search import Position, compose_search, compose_text_searches
from eventorg.repositories.metadata import MetadataRepository
from eventorg.storage.database import Database
from eventorg.storage.lookup_cache import caches_up_to
from eventorg.storage.statements import Statement, Statements
from eventorg.storage.transactions import Parameter, Transaction

MAX_LOOKED_UP: Final = 20
"""The number of events of a short page. The event loop reads it itself, if it is the same for everyone."""
MAX_PAGE_BYTES: Final = 1024 * 1024
"""About the size of a page of events as JSON, so that no client makes the server hold more than that for it."""
_OTHER_FIELDS_BYTES: Final = 700


class _PageRoom:
    """The room that is left for the events of a page. One event always fits."""

    def __init__(self) -> None:
        self.left = MAX_PAGE_BYTES

    def is_used_up_by(self, row: sqlite3.Row) -> bool:
        """Takes the room of an event, and returns true if there was too little."""
        texts = (row["title"], row["description"] or "", row["location"] or "")
        self.left -= _OTHER_FIELDS_BYTES + sum(len(text.encode()) for text in texts)
        return self.left < 0


class EventPageRepository:
    """Finds the events that a query asks for, a page at a time."""

    def __init__(
        self, database: Database, sql: Statements, changes: ChangeRepository, metadata: MetadataRepository
    ) -> None:
        self._database = database
        self._sql = sql
        self._changes = changes
        self._metadata = metadata

    async def find(
        self, wanted: EventQuery, viewer_id: str | None, bot: str | None, after: Position | None, limit: int
    ) -> tuple[list[Event], Position | None, int]:
        """Returns the events that the viewer can find, by start time and ID, after a position. By metadata it finds
        those that the viewer hosts, and those that the bot tagged.

        The second value is the position to continue from, if there are more, and the third the number of the last
        change. A page has up to `limit` events, and fewer if they would take more than `MAX_PAGE_BYTES`.

        Raises `Unavailable` if a search for text takes too long, or if too many wait.
        """
        if wanted.q:
            return await self._database.search(lambda tx: self.search(tx, wanted, viewer_id, bot, after, limit))
        statement, values = compose_search(wanted, viewer_id, bot, after, limit + 1)
        bound = (statement, tuple(values.items()), viewer_id, limit)
        is_plain = wanted == EventQuery(start_from=wanted.start_from, start_to=wanted.start_to)
        if is_plain and viewer_id is None and limit <= MAX_LOOKED_UP:
            return await self._database.look_up(self._find, *bound)
        return await self._database.read(lambda tx: self._find(tx, *bound))

    def search(
        self,
        tx: Transaction,
        wanted: EventQuery,
        viewer_id: str | None,
        bot: str | None,
        after: Position | None,
        limit: int,
    ) -> tuple[list[Event], Position | None, int]:
        """Returns what `find` does, for a search for text."""
        for statement, values in compose_text_searches(tx, self._sql, wanted, viewer_id, bot, after, limit + 1):
            page = self._find(tx, statement, tuple(values.items()), viewer_id, limit)
            if page[1] is not None:
                break  # it is full
        return page

    @caches_up_to(32)  # at most 10 MB, if each event has the longest texts
    def _find(
        self,
        tx: Transaction,
        statement: Statement,
        values: tuple[tuple[str, Parameter], ...],
        viewer_id: str | None,
        limit: int,
    ) -> tuple[list[Event], Position | None, int]:
        room = _PageRoom()
        rows = tx.all_until(statement, room.is_used_up_by, **dict(values))
        more = len(rows) > limit or room.left < 0
        found = self._with_roles(tx, [read_event(row) for row in (rows[:-1] if more else rows)], viewer_id)
        events = self._with_metadata(tx, found)
        more = more or len(events) < len(found)
        return events, (events[-1].start_time, events[-1].id) if more else None, self._changes.load_last(tx)

    def _with_roles(self, tx: Transaction, events: list[Event], viewer_id: str | None) -> list[Event]:
        if not viewer_id:
            return events
        ids = encode([event.id for event in events]).decode()
        roles = {row["id"]: row["role"] for row in tx.all(self._sql.list_roles, event_ids=ids, viewer_id=viewer_id)}
        return [structs.replace(event, role=role) if (role := roles[event.id]) else event for event in events]

    def _with_metadata(self, tx: Transaction, events: list[Event]) -> list[Event]:
        """Returns the events with what their hosts see. The last ones are left out if it is too much for a page."""
        hosted = [event.id for event in events if is_host(event.role)]
        if not hosted:
            return events
        found = self._metadata.find(tx, hosted)
        left_out = {event_id for event_id in hosted if event_id not in found}
        kept = itertools.takewhile(lambda event: event.id not in left_out, events)
        return [structs.replace(event, metadata=found[event.id]) if event.id in found else event for event in kept]
