"""What is done inside a transaction: a work, which is given named statements to run."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import cached_property
from typing import Final, TypeVar

from eventorg.domain.facts import Change
from eventorg.domain.values import Clock, rfc3339
from eventorg.storage.statements import Statement

T = TypeVar("T")
Parameter = str | int | None


class Transaction:
    """What a work does its work with: named statements, run now, on this thread."""

    def __init__(self, connection: sqlite3.Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self.news: Final[list[Change]] = []
        """The changes this work records: told to the database's listeners once they are committed."""

    @cached_property
    def now(self) -> str:
        """The time of everything this work does, as it is kept."""
        return rfc3339(self._clock())

    def one(self, statement: Statement, **parameters: Parameter) -> sqlite3.Row | None:
        """The first row, or None."""
        rows = self.all(statement, **parameters)
        return rows[0] if rows else None

    def row(self, statement: Statement, **parameters: Parameter) -> sqlite3.Row:
        """The first row of a statement that always has one: an aggregate, a change that returns what it made. Raises
        `LookupError` if it has none all the same."""
        if (row := self.one(statement, **parameters)) is None:
            raise LookupError(f"{statement.name} has no row")
        return row

    def all(self, statement: Statement, **parameters: Parameter) -> list[sqlite3.Row]:
        """Every row, fetched whole: a half-read cursor would pin the write-ahead log."""
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
        """The number of rows changed."""
        return self._connection.execute(statement.sql, parameters).rowcount

    def insert(self, statement: Statement, **parameters: Parameter) -> int:
        """The number of the row that an INSERT has made, in a table that numbers its rows: with RETURNING it would take
        half as long again. Raises `LookupError` if nothing was made."""
        cursor = self._connection.execute(statement.sql, parameters)
        if cursor.rowcount != 1 or cursor.lastrowid is None:
            raise LookupError(f"{statement.name} has made no row")
        return cursor.lastrowid


TransactionFunction = Callable[[Transaction], T]
