"""Promises of reads and writes: one commit for many, all or nothing, and an answer for everybody."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path, PosixPath
from typing import Any

import pytest

from eventorg.domain.errors import NotFound, StorageFull, Unavailable
from eventorg.errors import OperatorError
from eventorg.storage import database as module
from eventorg.storage.database import MAX_GROUP, READERS, Database, _raw
from eventorg.storage.sqlite import WRITER_CACHE_KIB, Synchronous, connect_reader, connect_writer
from eventorg.storage.statements import Statement
from eventorg.storage.transactions import Transaction, TransactionFunction
from eventorg.testing import Clock

pytestmark = pytest.mark.anyio

SCHEMA = """
CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE replies (note_id INTEGER NOT NULL REFERENCES notes (id) DEFERRABLE INITIALLY DEFERRED) STRICT;
"""


def statement(sql: str, *parameters: str) -> Statement:
    return Statement("a_statement", sql, parameters, "here:1")


ADD = statement("INSERT INTO notes (text) VALUES (:text)", "text")
REPLY = statement("INSERT INTO replies (note_id) VALUES (:note_id)", "note_id")
FIRST = statement("SELECT text FROM notes LIMIT 1")
COUNT = statement("SELECT count(*) FROM notes")


def add(text: str) -> Callable[[Transaction], str]:
    def work(tx: Transaction) -> str:
        tx.run(ADD, text=text)
        return text

    return work


def count(tx: Transaction) -> int:
    return int(tx.row(COUNT)[0])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "notes.db"
    with closing(connect_writer(path)) as connection:
        connection.executescript(SCHEMA)
    return path


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    async with Database(path, "full", Clock()).opened() as database:
        yield database


@asynccontextmanager
async def writer_held(database: Database) -> AsyncIterator[None]:
    """Keeps the writer busy until the block ends, so that everything written meanwhile shares a group."""
    loop, begun, go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def work(tx: Transaction) -> None:
        loop.call_soon_threadsafe(begun.set)
        go_on.wait()

    held = asyncio.create_task(database.write(work))
    await begun.wait()
    try:
        yield
        await asyncio.sleep(0)  # so that every task of the block has put its work into the queue
    finally:
        go_on.set()
    await held


async def write_together(database: Database, *works: TransactionFunction[Any]) -> list[Any]:
    """Returns the results or errors of functions that share a group."""
    async with writer_held(database):
        tasks = [asyncio.create_task(database.write(work)) for work in works]
    return await asyncio.gather(*tasks, return_exceptions=True)


def kept(path: Path) -> list[str]:
    """Returns the notes that another connection sees."""
    with closing(connect_reader(path)) as connection:
        return [row["text"] for row in connection.execute("SELECT text FROM notes ORDER BY id")]


def statements_of(database: Database) -> list[str]:
    """Records the statements that the writer executes from now on."""
    executed: list[str] = []
    _raw(database._writer).set_trace_callback(executed.append)
    return executed


async def test_works_that_wait_together_share_one_commit(database: Database, path: Path) -> None:
    executed = statements_of(database)
    texts = [f"note {number}" for number in range(20)]
    assert await write_together(database, *map(add, texts)) == texts
    assert executed.count("COMMIT") == 2  # one for the work that held the writer
    assert kept(path) == texts


async def test_a_group_is_bounded(database: Database) -> None:
    executed = statements_of(database)
    await write_together(database, *(add(f"note {number}") for number in range(MAX_GROUP + 1)))
    assert executed.count("COMMIT") == 3


async def test_who_observes_is_told_of_each_commit_how_many_and_how_long(database: Database) -> None:
    seen: list[tuple[int, float]] = []
    database.observers.append(lambda works, seconds: seen.append((works, seconds)))
    begun = time.perf_counter()
    await write_together(database, *(add(f"note {number}") for number in range(3)))
    await database.write(add("alone"))
    await database.write(add("last"))  # those before are observed by now
    took = time.perf_counter() - begun
    assert [works for works, _ in seen[:3]] == [1, 3, 1]  # the first held the writer
    assert 0 < sum(seconds for _, seconds in seen[:3]) < took


async def test_a_failing_work_is_undone_alone(database: Database, path: Path) -> None:
    def fail(tx: Transaction) -> None:
        tx.run(ADD, text="half done")
        raise NotFound("event_not_found")

    first, failed, last = await write_together(database, add("first"), fail, add("last"))
    assert (first, last) == ("first", "last")
    assert isinstance(failed, NotFound)
    assert kept(path) == ["first", "last"]


async def test_a_group_runs_again_only_after_a_work_that_changed_something_and_failed(
    database: Database, path: Path
) -> None:
    runs: list[str] = []

    def note(name: str, changes: bool, fails: bool) -> Callable[[Transaction], str]:
        def work(tx: Transaction) -> str:
            runs.append(name)
            if changes:
                tx.run(ADD, text=name)
            if fails:
                raise NotFound("event_not_found")
            return name

        return work

    await write_together(database, note("first", True, False), note("refused", False, True), note("last", True, False))
    assert runs == ["first", "refused", "last"]
    runs.clear()
    await write_together(database, note("one", True, False), note("half", True, True), note("two", True, False))
    assert sorted(runs) == ["half", "half", "one", "one", "two"]
    assert sorted(kept(path)) == ["first", "last", "one", "two"]


async def test_an_integrity_error_comes_out_as_itself(database: Database, path: Path) -> None:
    first, second = await write_together(database, add("same"), add("same"))
    assert first == "same"
    assert isinstance(second, sqlite3.IntegrityError)
    assert kept(path) == ["same"]


async def test_a_constraint_that_fails_at_commit_hits_only_its_work(database: Database, path: Path) -> None:
    results = await write_together(database, add("before"), lambda tx: tx.run(REPLY, note_id=77), add("after"))
    assert (results[0], results[2]) == ("before", "after")
    assert isinstance(results[1], sqlite3.IntegrityError)
    assert kept(path) == ["before", "after"]


async def test_an_answer_comes_after_the_commit(database: Database, path: Path) -> None:
    loop = asyncio.get_running_loop()
    answered_before_commit: list[bool] = []

    def look(sql: str) -> None:
        if sql == "COMMIT":  # about to run: whatever was answered by now was answered too early
            looked = threading.Event()

            def note() -> None:
                answered_before_commit.append(any(task.done() for task in tasks))
                looked.set()

            loop.call_soon_threadsafe(note)
            assert looked.wait(10)

    async with writer_held(database):
        tasks = [asyncio.create_task(database.write(add(f"note {number}"))) for number in range(3)]
        _raw(database._writer).set_trace_callback(look)
    for task in tasks:
        assert await task in kept(path)
    assert answered_before_commit == [False, False]


async def test_too_many_that_wait_are_refused_at_once(
    database: Database, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_QUEUE", 3)
    async with writer_held(database):
        waiting = [asyncio.create_task(database.write(add(f"note {number}"))) for number in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match=r"^busy$"):
            await asyncio.wait_for(database.write(add("one too many")), 1)
    assert await asyncio.gather(*waiting) == kept(path)


async def test_too_many_reads_are_refused_at_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_QUEUE", 2)
    go_on = threading.Event()
    reading = [asyncio.create_task(database.read(lambda tx: go_on.wait())) for _ in range(2 * READERS)]
    await asyncio.sleep(0)
    try:
        with pytest.raises(Unavailable, match=r"^busy$"):
            await asyncio.wait_for(database.read(count), 1)
        assert database.reads_waiting == 2 * READERS
    finally:
        go_on.set()
    assert await asyncio.gather(*reading) == [True] * 2 * READERS
    assert await database.read(count) == 0
    assert database.reads_waiting == 0


async def test_a_read_sees_one_snapshot(database: Database) -> None:
    loop, begun, written = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def work(tx: Transaction) -> tuple[int, int]:
        before = count(tx)
        loop.call_soon_threadsafe(begun.set)
        assert written.wait(10)
        return before, count(tx)

    reading = asyncio.create_task(database.read(work))
    await begun.wait()
    await database.write(add("meanwhile"))
    written.set()
    assert await reading == (0, 0)
    assert await database.read(count) == 1


async def test_a_reader_cannot_write(database: Database, path: Path) -> None:
    with pytest.raises(Unavailable, match=r"^storage_unavailable$"):
        await database.read(add("by a reader"))
    assert kept(path) == []


@pytest.mark.parametrize("error", [StopIteration(), KeyboardInterrupt(), SystemExit(1), asyncio.CancelledError()])
async def test_whatever_a_work_raises_there_is_an_answer(database: Database, path: Path, error: BaseException) -> None:
    def fail(tx: Transaction) -> None:
        if not reading:
            tx.run(ADD, text="half done")
        raise error

    reading = False
    results = await asyncio.wait_for(write_together(database, add("first"), fail, add("last")), 10)
    assert (results[0], results[2]) == ("first", "last")
    assert isinstance(results[1], RuntimeError)
    assert kept(path) == ["first", "last"]
    reading = True
    with pytest.raises(RuntimeError):
        await asyncio.wait_for(database.read(fail), 10)
    assert await database.read(count) == 2


async def test_what_comes_after_a_rollback_by_sqlite_is_answered_too(database: Database, path: Path) -> None:
    """A function that hides such an error behind its own leaves nobody waiting, and its neighbors intact."""

    def fail(tx: Transaction) -> None:
        tx._connection.execute("ROLLBACK")
        raise NotFound("event_not_found")

    results = await asyncio.wait_for(write_together(database, add("first"), fail, add("last")), 10)
    assert (results[0], results[2]) == ("first", "last")
    assert isinstance(results[1], NotFound)
    assert kept(path) == ["first", "last"]


async def test_a_full_disk_refuses_writes_until_there_is_room(database: Database, path: Path) -> None:
    writer = _raw(database._writer)
    pages = writer.execute("PRAGMA page_count").fetchone()[0]
    writer.execute(f"PRAGMA max_page_count = {pages}")
    large = add("x" * 100_000)
    results = await write_together(database, add("before"), large, add("after"))
    assert (results[0], results[2]) == ("before", "after")
    assert isinstance(results[1], StorageFull)
    assert kept(path) == ["before", "after"]
    assert await database.read(count) == 2
    writer.execute(f"PRAGMA max_page_count = {pages + 100}")
    await database.write(large)
    assert await database.read(count) == 3


async def test_a_file_locked_for_too_long_is_unavailable(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventorg.storage.sqlite.BUSY_TIMEOUT_MS", 50)
    async with Database(path, "full", Clock()).opened() as database:
        with closing(connect_writer(path)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable, match=r"^busy$"):
                await database.write(add("locked out"))
            assert await database.read(count) == 0
        await database.write(add("let in"))
    assert kept(path) == ["let in"]


async def test_what_waits_when_it_closes_is_written(path: Path) -> None:
    async with Database(path, "full", Clock()).opened() as database, writer_held(database):
        tasks = [asyncio.create_task(database.write(add(f"note {number}"))) for number in range(3)]
    assert await asyncio.gather(*tasks) == kept(path)


@pytest.mark.parametrize(("synchronous", "level"), [("full", 2), ("normal", 1)])
async def test_the_writers_pragmas_hold(path: Path, synchronous: Synchronous, level: int) -> None:
    expected = {
        "cache_size": -WRITER_CACHE_KIB,
        "journal_mode": "wal",
        "synchronous": level,
        "foreign_keys": 1,
        "secure_delete": 1,
    }
    async with Database(path, synchronous, Clock()).opened() as database:
        writer = _raw(database._writer)
        assert {name: writer.execute(f"PRAGMA {name}").fetchone()[0] for name in expected} == expected


def test_a_file_that_cannot_have_a_write_ahead_log_is_refused() -> None:
    class InMemory(PosixPath):
        def as_uri(self) -> str:
            return "file::memory:"

    with pytest.raises(OperatorError, match="WAL"):
        connect_writer(InMemory("/x"))


def test_a_readers_connection_refuses_to_write(path: Path) -> None:
    with closing(connect_reader(path)) as connection:
        assert connection.execute("PRAGMA query_only").fetchone()[0] == 1
        assert connection.execute("PRAGMA trusted_schema").fetchone()[0] == 0
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            connection.execute("INSERT INTO notes (text) VALUES ('no')")


async def test_a_row_that_must_be_there_is_missed(database: Database) -> None:
    assert await database.read(lambda tx: tx.one(FIRST)) is None
    with pytest.raises(LookupError, match=r"^a_statement has no row$"):
        await database.read(lambda tx: tx.row(FIRST))


async def test_a_row_that_is_made_has_a_number(database: Database) -> None:
    assert await database.write(lambda tx: [tx.insert(ADD, text=text) for text in ("one", "two")]) == [1, 2]
    kept = statement("INSERT INTO notes (text) VALUES (:text) ON CONFLICT DO NOTHING", "text")
    with pytest.raises(LookupError, match=r"^a_statement has made no row$"):
        await database.write(lambda tx: tx.insert(kept, text="two"))
