"""The change log: one row per fact, written in the transaction of the change itself, and read as a feed."""

import sqlite3
from typing import Any, Final

import msgspec

from eventorg.domain.callers import Caller
from eventorg.domain.errors import Gone
from eventorg.domain.exports import LoggedChange
from eventorg.domain.facts import FACTS, Change, ChangeData, ChangePage, Fact, NewChange
from eventorg.storage.database import Database
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Parameter, Transaction

MAX_LOOKED_UP = 50
"""The number of new changes up to which the event loop searches them itself."""
SURPLUS = 8
"""The number of pages of changes, in no order, of which one is chosen."""
_FIELDS: Final = len(Change.__struct_fields__)
_MAX_SWEEP = 1_000


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
        return [read_change(row) for row in rows]

    def _find_new(self, tx: Transaction, user_id: str, after: int | None, limit: int) -> ChangePage | None:
        start, head = self._bounds(tx, after)
        if head - start > MAX_LOOKED_UP:
            return None
        if not user_id:
            return _page(tx.all(self._sql.list_all_changes, after=start, limit=limit), head, limit)
        bounds: dict[str, Parameter] = {"after": start, "upto": head, "limit": limit}
        return _page(tx.all(self._sql.list_new_changes_for, user_id=user_id, **bounds), head, limit)

    def _find(self, tx: Transaction, user_id: str, after: int | None, limit: int) -> ChangePage:
        start, head = self._bounds(tx, after)
        if not user_id:
            rows = tx.all(self._sql.list_all_changes, after=start, limit=limit)
            return _page(rows, head, limit)
        rows, start = self._look_through(tx, user_id, start, head, limit)
        if start < head and len(rows) < limit:
            rows += self._gather(tx, user_id, start, head, limit - len(rows))
        return _page(rows, head, limit)

    def _look_through(
        self, tx: Transaction, user_id: str, after: int, head: int, limit: int
    ) -> tuple[list[sqlite3.Row], int]:
        """Returns the first changes for a user whom very many events concern, and the number up to which they are
        complete.

        Each change is looked at. For such a user many of them are found, and to ask each of the events takes longer.
        """
        found: list[sqlite3.Row] = []
        width = SURPLUS * limit
        if tx.row(self._sql.count_other_events, user_id=user_id, after=after, limit=width)["number"] < width:
            return [], after
        are_many = True
        while after < head and len(found) < limit and are_many:
            bounds: dict[str, Parameter] = {"after": after, "upto": min(head, after + width)}
            rows = tx.all(self._sql.list_new_changes_for, user_id=user_id, **bounds, limit=limit - len(found))
            found, after, are_many = found + rows, min(head, after + width), len(rows) > limit // SURPLUS
        return found, after

    def _gather(self, tx: Transaction, user_id: str, after: int, head: int, limit: int) -> list[sqlite3.Row]:
        """Returns the first changes for a user, asked from the user's events."""
        own = [row["seq"] for row in tx.all(self._sql.list_own_changes, user_id=user_id, after=after, limit=limit)]
        others = self._collect(tx, user_id, after, own[-1] if len(own) == limit else head, limit)
        numbers = sorted({*own, *others})[:limit]
        return tx.all(self._sql.list_changes, numbers=str(numbers))

    def _collect(self, tx: Transaction, user_id: str, after: int, upto: int, limit: int) -> list[int]:
        """Returns the first `limit` numbers of the changes of the events that a user does not organize, up to a number.

        Sorting all of them takes longer the more follow. So up to a few pages are read, event by event. If there are
        more, the end of the first page of those is a better bound, up to which the events are read again.
        """
        most = SURPLUS * limit
        while True:
            bounds: dict[str, Parameter] = {"after": after, "upto": upto, "limit": most + 1}
            rows = tx.all(self._sql.list_other_changes, user_id=user_id, **bounds)
            numbers = sorted(row["seq"] for row in rows)
            if len(numbers) <= most:
                return numbers[:limit]
            upto = numbers[limit - 1]

    def _bounds(self, tx: Transaction, after: int | None) -> tuple[int, int]:
        """Returns the number to start after, and the number of the last change. Raises `Gone`."""
        bounds = tx.row(self._sql.get_feed_bounds)
        start = bounds["floor"] if after is None else after
        if not bounds["floor"] <= start <= bounds["head"]:
            raise Gone()
        return start, bounds["head"]

    def find_all_for_user(self, tx: Transaction, user_id: str) -> list[LoggedChange]:
        """Returns the changes that name a user, that the user made, or that told the user of a deletion."""
        rows = tx.all(self._sql.list_changes_naming, user_id=user_id)
        return [LoggedChange(*_values(row), bot=row["bot"]) for row in rows]

    async def forget(self, before: str) -> None:
        """Deletes changes older than a time (RFC 3339), a limited number in each transaction so that writers do not
        wait."""

        def sweep(tx: Transaction) -> int:
            return tx.run(self._sql.forget_changes, before=before, now=tx.now, limit=_MAX_SWEEP)

        while await self._database.write(sweep) == _MAX_SWEEP:
            pass


def _page(rows: list[sqlite3.Row], head: int, limit: int) -> ChangePage:
    changes = [read_change(row) for row in rows]
    return ChangePage(changes, changes[-1].seq if len(changes) == limit else head)


def encode_data(data: ChangeData | None) -> str | None:
    """Returns the data as it is stored."""
    return None if data is None else msgspec.json.encode(data).decode()


def read_change(row: sqlite3.Row) -> Change:
    """Returns a change from a row whose first columns are the fields of `Change` in their order."""
    return Change(*_values(row))


def read_fact(row: sqlite3.Row) -> Fact:
    """Returns a fact from a row that also has its audience."""
    return FACTS.get(row["type"], Fact)(*_values(row), audience=row["audience"])


def _values(row: sqlite3.Row) -> list[Any]:
    """Returns the first columns: by name would take three times as long."""
    values = [*row][:_FIELDS]
    if values[-1] is not None:
        values[-1] = msgspec.json.decode(values[-1])
    return values
