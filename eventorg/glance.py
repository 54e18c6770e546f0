"""Looking something up on the event loop itself, and from memory for as long as nobody commits anything."""

import asyncio
import sqlite3
from collections.abc import Callable
from functools import lru_cache

from eventorg.domain.values import Clock
from eventorg.statements import Statement
from eventorg.storage import roll_back
from eventorg.transactions import Parameter, Transaction

MOST_REMEMBERED = 512
"""Of so many statements the rows are remembered, each with its values."""

Rows = Callable[..., list[sqlite3.Row]]


class _Remembering(Transaction):
    """A transaction that asks what remembers."""

    def __init__(self, connection: sqlite3.Connection, clock: Clock, rows: Rows) -> None:
        super().__init__(connection, clock)
        self._rows = rows

    def all(self, statement: Statement, **parameters: Parameter) -> list[sqlite3.Row]:
        """Every row, in a list that is the caller's own."""
        return [*self._rows(statement, *parameters.items())]


class Glance:
    """A connection that only reads. All who look something up in the same step of the loop share a snapshot, and rows
    are remembered for as long as SQLite says that the file is as it was: together these are most of the cost.

    Whatever comes in later is later in the loop's queue than the snapshot's end, so nobody sees an older state than
    that of its request.
    """

    def __init__(self, connection: sqlite3.Connection, clock: Clock, loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connection
        self._clock = clock
        self._loop = loop
        self._version = 0
        self._rows = lru_cache(MOST_REMEMBERED)(self._fetch)

    def begin(self) -> Transaction:
        """What to look up with. Raises `sqlite3.Error` if the file is locked, or broken."""
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN")
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()  # another after any other's commit
            if version != self._version:
                self._rows.cache_clear()
                self._version = version
            self._loop.call_soon(self.end)
        return _Remembering(self._connection, self._clock, self._rows)

    def end(self) -> None:
        """Lets go of the snapshot."""
        roll_back(self._connection)

    def _fetch(self, statement: Statement, *parameters: tuple[str, Parameter]) -> list[sqlite3.Row]:
        return self._connection.execute(statement.sql, dict(parameters)).fetchall()
