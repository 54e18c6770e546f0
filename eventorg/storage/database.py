"""The SQLite file: one writer with group commit and some readers, each on its own thread.

A transaction is a synchronous function that runs as a whole on a connection's thread. Nothing can be awaited inside it,
so a client that disconnects cannot leave it unfinished.
"""

import asyncio
import sqlite3
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from threading import get_ident
from typing import Any, Final, Self, TypeVar, TypeVarTuple

import aiosqlite

from eventorg.domain.errors import Unavailable
from eventorg.domain.facts import Change
from eventorg.domain.values import Clock
from eventorg.storage.group_commit import GroupCommit, Queued, Result
from eventorg.storage.lookup_cache import LookupCache
from eventorg.storage.sqlite import (
    OpenedFiles,
    Synchronous,
    checkpoint,
    connect_reader,
    connect_writer,
    is_damage,
    refusal,
    roll_back,
)
from eventorg.storage.transactions import Transaction, TransactionFunction

T = TypeVar("T")
Values = TypeVarTuple("Values")

MAX_QUEUE = 1_000
MAX_GROUP = 64
READERS = 2
MAX_SEARCH_QUEUE = 32
MAX_SEARCH_SECONDS = 2.0
SHRINK_SECONDS = 0.02
_SCRUB_ATTEMPTS = 100
_SCRUB_PAUSE_SECONDS = 0.01


class Database:
    """A prepared file (see `eventorg.storage.schema`), usable while it is `opened`."""

    def __init__(self, path: Path, synchronous: Synchronous, clock: Clock) -> None:
        self._path = path
        self._synchronous = synchronous
        self._clock = clock
        self._queue: deque[Queued[Any]] = deque()
        self._draining = False
        self._is_damaged = False
        self.listeners: Final[list[Callable[[list[Change]], None]]] = []
        """Called on the event loop after each commit that recorded changes, in commit order. Commits of other processes
        follow when they are detected (see `eventorg.background.external_commits`)."""
        self.observers: Final[list[Callable[[int, float], None]]] = []
        """Called on the writer's thread after each commit, with the number of transactions in it and its duration in
        seconds."""

    @asynccontextmanager
    async def opened(self, *, checkpoints: bool = True) -> AsyncIterator[Self]:
        """Opens the connections. When the block ends, finishes the waiting transactions and closes the connections.
        `checkpoints` is for the one process that owns the file (see `connect_writer`)."""
        self.loop = asyncio.get_running_loop()  # other loops send their work here
        self._home = get_ident()
        self._checkpoints = checkpoints
        writer = partial(connect_writer, self._path, self._synchronous, checkpoints=checkpoints)
        reader = partial(connect_reader, self._path)
        connections: list[aiosqlite.Connection] = []
        self._elsewhere: list[sqlite3.Connection] = []
        try:
            for connect in (writer, *[reader] * READERS):
                connection = aiosqlite.Connection(connect, iter_chunk_size=64)
                connections.append(connection)
                await connection
            self._writer, *self._readers = connections
            self._files = OpenedFiles(self._path)
            self._group = GroupCommit(_raw(self._writer), self._files, self._clock, self._refuse)
            self._reading = [0] * READERS
            self._search_turn = asyncio.Semaphore(READERS - 1)
            self._searches_waiting = 0
            self._here = threading.local()
            with closing(connect_reader(self._path, patient=False)) as lookup_reader:
                self._lookup_cache = LookupCache(lookup_reader, self.loop)
                try:
                    yield self
                finally:
                    await _on_thread(self._writer, lambda: None)  # ends after everything that waits by now
        finally:
            for elsewhere in self._elsewhere:
                elsewhere.close()
            for connection in reversed(connections):
                await connection.close()

    async def write(self, work: TransactionFunction[T]) -> T:
        """Returns the result of a transaction once it is committed and durable.

        Transactions that wait at the same time share one commit. If one raises, only that one is undone, and its error
        is raised here. If its group is rolled back, a transaction function runs twice. It must therefore have no
        effects outside its transaction. Raises `Unavailable` at once when too many wait.
        """
        if get_ident() != self._home:
            return await self.run_on_its_loop(self.write(work))
        if len(self._queue) >= MAX_QUEUE:
            raise Unavailable("busy")
        answer: asyncio.Future[T] = self.loop.create_future()
        self._queue.append(Queued(work, answer))
        if not self._draining:
            self._draining = True
            self._drainer = asyncio.ensure_future(_on_thread(self._writer, self._drain))
        return await answer

    async def read(self, work: TransactionFunction[T]) -> T:
        """Returns the result of a function that only reads, from one snapshot of the file.

        Another thread, for example a plugin's, reads on its own connection: switching threads takes ten times as long.
        """
        if get_ident() != self._home:
            return self._snapshot(self._reader_here(), work)
        least = min(range(len(self._readers)), key=self._reading.__getitem__)
        if self._reading[least] >= MAX_QUEUE:
            raise Unavailable("busy")
        self._reading[least] += 1
        try:
            reader = self._readers[least]
            return await _on_thread(reader, lambda: self._snapshot(_raw(reader), work))
        finally:
            self._reading[least] -= 1

    async def search(self, work: TransactionFunction[T]) -> T:
        """Does what `read` does, for a query whose cost depends on what a client searches.

        One reader is always left for others. Raises `Unavailable` if the query takes longer than `MAX_SEARCH_SECONDS`,
        and at once if `MAX_SEARCH_QUEUE` wait. Call it on the loop that opened the database.
        """
        if self._searches_waiting >= MAX_SEARCH_QUEUE:
            raise Unavailable("busy")
        self._searches_waiting += 1
        try:
            await self._search_turn.acquire()
        finally:
            self._searches_waiting -= 1
        searching = asyncio.ensure_future(self.read(lambda tx: tx.within(MAX_SEARCH_SECONDS, work)))
        searching.add_done_callback(self._end_search)
        return await asyncio.shield(searching)  # the reader goes on if the client disconnects

    async def look_up(self, work: Callable[[Transaction, *Values], T], *values: *Values) -> T:
        """Returns the result of a function that reads a few rows by their keys, on the event loop itself.

        Switching to a reader's thread and back takes ten times as long. Use `read` for anything that grows with the
        data. The result is cached and shared until somebody commits. `work` must be the same method each time and
        depend only on `values`; it has no clock.
        """
        if get_ident() == self._home:
            try:
                return self._lookup_cache.look_up(work, *values)
            except sqlite3.Error:  # locked or damaged: a reader waits, or reports it
                self._lookup_cache.end()
        return await self.read(lambda tx: work(tx, *values))

    def _end_search(self, searching: asyncio.Future[Any]) -> None:
        self._search_turn.release()
        if not searching.cancelled():
            searching.exception()  # nobody else asks for it if the client has disconnected

    def _reader_here(self) -> sqlite3.Connection:
        """Returns the connection of a thread that is not the server's."""
        if not hasattr(self._here, "reader"):
            self._here.reader = connect_reader(self._path)
            self._elsewhere.append(self._here.reader)
        reader: sqlite3.Connection = self._here.reader
        return reader

    @property
    def is_suspect(self) -> bool:
        """True once the file was lost or SQLite has reported damage: it is then checked before it is served again."""
        return self._is_damaged or self._files.was_lost

    @property
    def writes_waiting(self) -> int:
        """The number of transactions that wait for the writer."""
        return len(self._queue)

    @property
    def reads_waiting(self) -> int:
        """The number of reads that wait for a reader or run on it."""
        return sum(self._reading)

    async def run_on_its_loop(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine for another loop on the loop that opened the database."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, self.loop))

    async def scrub(self) -> None:
        """Moves the write-ahead log into the file, so that deleted data is in neither.

        A reader of an older state prevents this. The readers of this server end soon, so it tries again and lets
        writers go on in between; it does not wait for long readers such as a backup. Without `checkpoints` it does
        nothing: the process that owns the file does it, or the last one to close it.
        """
        if not self._checkpoints:
            return
        for _ in range(_SCRUB_ATTEMPTS):
            if await _on_thread(self._writer, partial(checkpoint, _raw(self._writer))):
                return
            await asyncio.sleep(_SCRUB_PAUSE_SECONDS)

    async def shrink(self) -> None:
        """Gives free pages back to the disk, in short transactions between others. Keeps some for new data."""
        released = 0
        while step := await self.write(lambda tx: tx.release_pages(SHRINK_SECONDS)):
            released += step
        if released:
            await self.scrub()

    async def data_version(self) -> int:
        """Returns a number that changes when another process commits. Own commits do not change it.

        This is SQLite's `PRAGMA data_version` on the only connection of this process that commits. Raises
        `Unavailable`.
        """

        def ask() -> int:
            try:
                return int(_raw(self._writer).execute("PRAGMA data_version").fetchone()[0])
            except sqlite3.Error as error:
                raise self._refuse(error) from error

        return await _on_thread(self._writer, ask)

    def notify(self, news: list[Change]) -> None:
        """Passes committed changes to the listeners. Call it on the event loop."""
        for listener in self.listeners:
            listener(news)

    def _drain(self) -> None:
        """Commits the waiting transactions, group by group. It runs on the writer's thread."""
        self._draining = False  # first, so that later additions queue another drain
        while self._queue:
            waiting = [self._queue.popleft() for _ in range(min(len(self._queue), MAX_GROUP))]
            if group := [job for job in waiting if not job.answer.cancelled()]:
                started = time.perf_counter()
                self.loop.call_soon_threadsafe(self._deliver, self._group.commit(group))
                for observe in self.observers:
                    observe(len(group), time.perf_counter() - started)
                if self._checkpoints:
                    self._files.relieve_log(_raw(self._writer))

    def _deliver(self, results: list[Result]) -> None:
        """Notifies the listeners and then answers, after a commit. It runs on the event loop."""
        self._lookup_cache.end()  # listeners and callers must see the new state
        if news := [change for result in results for change in result.news]:
            self.notify(news)
        for result in results:
            result.deliver()

    def _refuse(self, error: BaseException) -> Exception:
        """Returns the error for the client, and notes damage."""
        self._is_damaged = self._is_damaged or is_damage(error)
        return refusal(error)

    def _snapshot(self, connection: sqlite3.Connection, work: TransactionFunction[T]) -> T:
        try:
            connection.execute("BEGIN")
            return work(Transaction(connection, self._clock, can_write=False))
        except BaseException as error:
            raise self._refuse(error)  # noqa: B904 (mostly the error itself, which has no cause)
        finally:
            roll_back(connection)


async def _on_thread(connection: aiosqlite.Connection, function: Callable[[], T]) -> T:
    """Runs a function on the connection's thread, as aiosqlite does for each of its own methods."""
    return await connection._execute(function)  # type: ignore[no-any-return, no-untyped-call]


def _raw(connection: aiosqlite.Connection) -> sqlite3.Connection:
    return connection._conn
