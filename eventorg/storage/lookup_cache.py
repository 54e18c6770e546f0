"""Looking something up on the event loop itself, and from memory for as long as nobody commits anything."""

import asyncio
import sqlite3
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NoReturn, TypeVar

from eventorg.storage.sqlite import roll_back
from eventorg.storage.transactions import Transaction

MAX_CACHED = 512
"""So many results are remembered, those of the same work each by the values it was given."""

T = TypeVar("T")


class LookupCache:
    """A connection that only reads. All who look something up in the same step of the loop share a snapshot, and what
    was found is remembered for as long as SQLite says that the file is as it was: together these are most of the cost.

    Whatever comes in later is later in the loop's queue than the snapshot's end, so nobody sees an older state than
    that of its request.
    """

    def __init__(self, connection: sqlite3.Connection, loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connection
        self._loop = loop
        self._version = 0
        self._remembered = lru_cache(MAX_CACHED)(self._run)

    def look_up(self, work: Callable[..., T], *values: Any) -> T:
        """What a work finds. Raises what it raises, and `sqlite3.Error` if the file is locked, or broken."""
        if not self._connection.in_transaction:
            self._begin()
        return self._remembered(work, *values)  # type: ignore[no-any-return]

    def end(self) -> None:
        """Lets go of the snapshot."""
        roll_back(self._connection)

    def _begin(self) -> None:
        self._loop.call_soon(self.end)  # first: what another thread reads after this is told of after it
        self._connection.execute("BEGIN")
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()  # another after any other's commit
        if version != self._version:
            self._remembered.cache_clear()
            self._version = version

    def _run(self, work: Callable[..., Any], *values: Any) -> Any:
        return work(Transaction(self._connection, _no_clock), *values)


def _no_clock() -> NoReturn:
    raise LookupError("what is remembered cannot depend on the time")
