"""Transactions: the object through which a transaction function runs named statements."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from typing import Final, TypeVar

from eventorg.domain.facts import Change
from eventorg.domain.values import Clock, rfc3339
from eventorg.storage.sqlite import count_pages
from eventorg.storage.statements import Statement

T = TypeVar("T")
Parameter = str | int | None
_STEPS_BETWEEN_CHECKS: Final = 10_000
"""Steps of SQLite's virtual machine between two looks at the clock: about a millisecond, and more with long texts."""


_PAGES_A_STEP: Final = 20


class Transaction:
    """Runs named statements at once, on the thread of its connection."""

    def __init__(self, connection: sqlite3.Connection, clock: Clock, *, can_write: bool = True) -> None:
        self._connection = connection
        self._clock = clock
        self._now: str | None = None
        self.can_write: Final = can_write
        self.news: Final[list[Change]] = []
        """The changes that this transaction records. The database's listeners receive them after the commit."""

    def reading(self) -> "ReadTransaction":
        """Returns the same transaction, without what writes."""
        return ReadTransaction(self._connection, self._clock, self.now)

    @property
    def is_open(self) -> bool:
        """False after a fault for which SQLite has undone the transaction, such as a full disk."""
        return self._connection.in_transaction

    @property
    def now(self) -> str:
        """The stored time of everything in this transaction."""
        if self._now is None:  # `cached_property` takes a lock, which takes longer than this
            self._now = rfc3339(self._clock())
        return self._now

    def one(self, statement: Statement, **parameters: Parameter) -> sqlite3.Row | None:
        """Returns the first row, or None."""
        rows = self.all(statement, **parameters)
        return rows[0] if rows else None

    def row(self, statement: Statement, **parameters: Parameter) -> sqlite3.Row:
        """Returns the first row of a statement that always has one: an aggregate, or a change with RETURNING. Raises
        `LookupError` if there is none."""
        if (row := self.one(statement, **parameters)) is None:
            raise LookupError(f"{statement.name} has no row")
        return row

    def all(self, statement: Statement, **parameters: Parameter) -> list[sqlite3.Row]:
        """Returns every row. All are fetched at once, because a cursor that stays open would pin the write-ahead
        log."""
        return self._connection.execute(statement.sql, parameters).fetchall()

    def all_until(
        self, statement: Statement, is_enough: Callable[[sqlite3.Row], bool], **parameters: Parameter
    ) -> list[sqlite3.Row]:
        """Returns the rows before the first one for which `is_enough` is true, and that one. The rest is not read."""
        rows = []
        with closing(self._connection.execute(statement.sql, parameters)) as cursor:
            for row in cursor:
                rows.append(row)
                if is_enough(row):
                    break
        return rows

    def run(self, statement: Statement, **parameters: Parameter) -> int:
        """Returns the number of changed rows."""
        return self._connection.execute(statement.sql, parameters).rowcount

    def release_pages(self, seconds: float) -> int:
        """Gives free pages back to the disk for about this time, and returns their number. It is 0 only if the file has
        no more free pages than it should keep, or cannot shrink (see `eventorg compact`)."""
        deadline = time.monotonic() + seconds
        before = pages = count_pages(self._connection)
        while pages.can_shrink and pages.has_excess:
            self._connection.execute(f"PRAGMA incremental_vacuum({_PAGES_A_STEP})").fetchall()
            pages = count_pages(self._connection)
            if time.monotonic() >= deadline:  # here, because the time can be over before the first step
                break
        return before.count - pages.count

    def within(self, seconds: float, work: "TransactionFunction[T]") -> T:
        """Returns the result of a function. Its statement is interrupted when the time is over."""
        deadline = time.monotonic() + seconds
        self._connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS_BETWEEN_CHECKS)
        try:
            return work(self)
        finally:
            self._connection.set_progress_handler(None, 0)

    def insert(self, statement: Statement, **parameters: Parameter) -> int:
        """Returns the number of the inserted row, in a table that numbers its rows. RETURNING would take half as long
        again. Raises `LookupError` if no row was inserted."""
        cursor = self._connection.execute(statement.sql, parameters)
        if cursor.rowcount != 1 or cursor.lastrowid is None:
            raise LookupError(f"{statement.name} has made no row")
        return cursor.lastrowid


class ReadTransaction(Transaction):
    """A transaction that is writing, for code that may only read in it. It has `one`, `row`, `all` and `now`, and
    raises `LookupError` for a statement that writes."""

    def __init__(self, connection: sqlite3.Connection, clock: Clock, now: str) -> None:
        super().__init__(connection, clock, can_write=False)
        self._now = now

    def all(self, statement: Statement, **parameters: Parameter) -> list[sqlite3.Row]:
        _check_reads(statement)
        return super().all(statement, **parameters)

    def all_until(
        self, statement: Statement, is_enough: Callable[[sqlite3.Row], bool], **parameters: Parameter
    ) -> list[sqlite3.Row]:
        _check_reads(statement)
        return super().all_until(statement, is_enough, **parameters)

    def run(self, statement: Statement, **parameters: Parameter) -> int:
        raise LookupError(f"{statement.name}: this transaction only reads")

    def insert(self, statement: Statement, **parameters: Parameter) -> int:
        raise LookupError(f"{statement.name}: this transaction only reads")


def _check_reads(statement: Statement) -> None:
    if not statement.only_reads:
        raise LookupError(f"{statement.name} writes, and this transaction only reads")


TransactionFunction = Callable[[Transaction], T]
