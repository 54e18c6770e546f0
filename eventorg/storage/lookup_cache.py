"""Reads on the event loop itself, with results cached until somebody commits."""

import asyncio
import sqlite3
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NoReturn, TypeVar

from eventorg.storage.sqlite import roll_back
from eventorg.storage.transactions import Transaction

MAX_CACHED = 512
"""The number of cached results; each function and its values make one."""

T = TypeVar("T")


class LookupCache:
    """A read-only connection whose reads share a snapshot and a cache.

    All reads in the same step of the loop share a snapshot, and a result is cached while SQLite says that the file is
    unchanged; together these are most of the cost. A later request comes after the end of the snapshot in the loop's
    queue, so nobody sees an older state than that of the own request.
    """

    def __init__(self, connection: sqlite3.Connection, loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connection
        self._loop = loop
        self._version = 0
        self._remembered = lru_cache(MAX_CACHED)(self._run)

    def look_up(self, work: Callable[..., T], *values: Any) -> T:
        """Returns the result of a function. Raises its errors, and `sqlite3.Error` if the file is locked or damaged."""
        if not self._connection.in_transaction:
            self._begin()
        return self._remembered(work, *values)  # type: ignore[no-any-return]

    def end(self) -> None:
        """Ends the snapshot."""
        roll_back(self._connection)

    def _begin(self) -> None:
        self._loop.call_soon(self.end)  # before the snapshot begins, so that it ends before later news is handled
        self._connection.execute("BEGIN")
        (version,) = self._connection.execute(
            "PRAGMA data_version"
        ).fetchone()  # it changes with each commit of another connection
        if version != self._version:
            self._remembered.cache_clear()
            self._version = version

    def _run(self, work: Callable[..., Any], *values: Any) -> Any:
        return work(Transaction(self._connection, _no_clock, can_write=False), *values)


def _no_clock() -> NoReturn:
    raise LookupError("a cached result cannot depend on the time")
