"""The change log: one row per fact, written in the transaction of the change itself, and read as a feed."""

import sqlite3
from typing import TypeVar

import msgspec

from eventorg.domain.callers import Caller
from eventorg.domain.errors import Gone
from eventorg.domain.exports import LoggedChange
from eventorg.domain.facts import Change, ChangeData, ChangePage, NewChange
from eventorg.storage.database import Database
from eventorg.storage.statements import Statement, Statements
from eventorg.storage.transactions import Transaction

MAX_LOOKED_UP = 50
"""The number of new changes up to which the event loop searches them itself."""
WINDOW = 1_000
"""The number of older changes that are searched one by one. After them, a user's events lead to the changes."""
_GROWTH = 64
_MAX_SWEEP = 1_000

C = TypeVar("C", bound=Change)


class ChangeRepository:
    """Records changes and finds them in commit order."""

    def __init__(self, database: Database, sql: Statements) -> None:
        self._database = database
        self._sql = sql

    def record(self, tx: Transaction, fact: NewChange, by: Caller) -> int:
        """Adds a change to the log, with the user and the bot that made it, and returns its number. Listeners receive
        it once `tx` is committed."""
        seq = tx.insert(
            self._sql.record_change,
            now=tx.now,
            type=fact.type,
            event_id=fact.event_id if fact.audience == "event" else None,
            user_id=fact.user_id,
            actor_id=by.user_id or None,
            bot=by.bot,
            data=encode_data(fact.data),
            audience=None if fact.audience == "event" else fact.audience,
            about_event_id=None if fact.audience == "event" else fact.event_id,
        )
        change = Change(
            seq=seq, at=tx.now, type=fact.type, event_id=fact.event_id, user_id=fact.user_id, data=fact.data
        )
        tx.news.append(change)
        return seq

    async def find_new(self, caller: Caller, after: int | None, limit: int) -> ChangePage | None:
        """Returns the same as `find`, or None if there are more than `MAX_LOOKED_UP` changes after the number.

        The event loop itself reads them.
        """
        return await self._database.look_up(self._find_new, caller.user_id, after, limit)

    async def find(self, caller: Caller, after: int | None, limit: int) -> ChangePage:
        """Returns the changes for the caller after a number; None means from the oldest stored one.

        Raises `Gone` for a number that is no longer stored.
        """
        return await self._database.read(lambda tx: self._find(tx, caller.user_id, after, limit))

    async def find_audience(self, user_id: str) -> list[str]:
        """Returns the IDs of the events whose changes the user receives."""
        rows = await self._database.read(lambda tx: tx.all(self._sql.list_audience, user_id=user_id))
        return [row["event_id"] for row in rows]

    def load_last(self, tx: Transaction) -> int:
        """Returns the number of the last change in the snapshot of `tx`: the `as_of` of a list that is read with it."""
        return int(tx.row(self._sql.get_last_change)["seq"])

    async def get_head(self) -> int:
        """Returns the number of the last change."""
        bounds = await self._database.read(lambda tx: tx.row(self._sql.get_feed_bounds))
        return int(bounds["head"])

    async def find_after(self, seq: int) -> list[Change]:
        """Returns the changes after a number in commit order, limited to one batch."""
        rows = await self._database.read(lambda tx: tx.all(self._sql.list_all_changes, after=seq, limit=_MAX_SWEEP))
        return [read_change(Change, row) for row in rows]

    def _find_new(self, tx: Transaction, user_id: str, after: int | None, limit: int) -> ChangePage | None:
        start, head = self._bounds(tx, after)
        if head - start > MAX_LOOKED_UP:
            return None
        return _page(self._list(tx, self._sql.list_new_changes_for, user_id, start, head, limit), head, limit)

    def _find(self, tx: Transaction, user_id: str, after: int | None, limit: int) -> ChangePage:
        """Looks in growing windows of the log, so that a page costs what its changes cost, however many follow."""
        start, head = self._bounds(tx, after)
        if not user_id:
            return _page(self._list(tx, self._sql.list_all_changes, "", start, head, limit), head, limit)
        found: list[Change] = []
        statement, width = self._sql.list_new_changes_for, WINDOW
        while start < head and len(found) < limit:
            end = min(head, start + width)
            found += self._list(tx, statement, user_id, start, end, limit - len(found))
            start, width, statement = end, width * _GROWTH, self._sql.list_changes_for
        return _page(found, head, limit)

    def _bounds(self, tx: Transaction, after: int | None) -> tuple[int, int]:
        """Returns the number to start after, and the number of the last change. Raises `Gone`."""
        bounds = tx.row(self._sql.get_feed_bounds)
        start = bounds["floor"] if after is None else after
        if not bounds["floor"] <= start <= bounds["head"]:
            raise Gone()
        return start, bounds["head"]

    def _list(
        self, tx: Transaction, statement: Statement, user_id: str, after: int, upto: int, limit: int
    ) -> list[Change]:
        """Returns a user's changes, found by a statement, or all changes for a bot by itself."""
        if user_id:
            rows = tx.all(statement, user_id=user_id, after=after, upto=upto, limit=limit)
        else:
            rows = tx.all(self._sql.list_all_changes, after=after, limit=limit)
        return [read_change(Change, row) for row in rows]

    def find_all_for_user(self, tx: Transaction, user_id: str) -> list[LoggedChange]:
        """Returns the changes that name a user, that the user made, or that told the user of a deletion."""
        return [read_change(LoggedChange, row) for row in tx.all(self._sql.list_changes_naming, user_id=user_id)]

    async def forget(self, before: str) -> None:
        """Deletes changes older than a time (RFC 3339), a limited number in each transaction so that writers do not
        wait."""

        def sweep(tx: Transaction) -> int:
            return tx.run(self._sql.forget_changes, before=before, now=tx.now, limit=_MAX_SWEEP)

        while await self._database.write(sweep) == _MAX_SWEEP:
            pass


def _page(changes: list[Change], head: int, limit: int) -> ChangePage:
    return ChangePage(changes, changes[-1].seq if len(changes) == limit else head)


def encode_data(data: ChangeData | None) -> str | None:
    """Returns the data as it is stored."""
    return None if data is None else msgspec.json.encode(data).decode()


def read_change(kind: type[C], row: sqlite3.Row) -> C:
    """Returns a change from its row."""
    values = dict(zip(row.keys(), row, strict=True))  # half the time of `dict(row)`
    if values["data"] is not None:
        values["data"] = msgspec.json.decode(values["data"])
    return kind(**values)
