"""Reads on the event loop itself, with results cached until somebody commits."""

import asyncio
import sqlite3
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, Final, NoReturn, TypeVar

from eventorg.storage.sqlite import roll_back
from eventorg.storage.transactions import Transaction

MAX_CACHED: Final = 512
"""The number of cached results of a function, unless it has `caches_up_to`."""

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


def caches_up_to(number: int) -> Callable[[F], F]:
    """Returns a decorator for a function whose results are small, or seldom the same: this number of them is cached."""

    def mark(function: F) -> F:
        vars(function)["max_cached"] = number
        return function

    return mark


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
        self._remembered: dict[Callable[..., Any], Any] = {}
        self._stale: set[Callable[..., Any]] = set()
        """The functions whose results are older than the snapshot."""

    def look_up(self, work: Callable[..., T], *values: Any) -> T:
        """Returns the result of a function. Raises its errors, and `sqlite3.Error` if the file is locked or damaged."""
        if not self._connection.in_transaction:
            self._begin()
        remembered = self._remembered.get(work)
        if remembered is None:
            size = getattr(work, "max_cached", MAX_CACHED)
            remembered = self._remembered[work] = lru_cache(size)(partial(self._run, work))
        if work in self._stale:
            self._stale.remove(work)
            remembered.cache_clear()
        return remembered(*values)  # type: ignore[no-any-return]

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
            self._stale.update(self._remembered)
            self._version = version

    def _run(self, work: Callable[..., Any], *values: Any) -> Any:
        return work(Transaction(self._connection, _no_clock, can_write=False), *values)


def _no_clock() -> NoReturn:
    raise LookupError("a cached result cannot depend on the time")
