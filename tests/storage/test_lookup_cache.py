"""Reads on the event loop: as correct as on a reader's thread, and never blocking."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from eventorg.domain.errors import NotFound, Unavailable
from eventorg.storage.database import Database
from eventorg.storage.lookup_cache import MAX_CACHED, LookupCache, caches_up_to
from eventorg.storage.sqlite import connect_reader, connect_writer
from eventorg.storage.statements import Statement
from eventorg.storage.transactions import Transaction
from eventorg.testing import Clock

pytestmark = pytest.mark.anyio

ADD = Statement("add", "INSERT INTO notes (text) VALUES (:text)", ("text",), "here:1")
COUNT = Statement("count", "SELECT count(*) AS notes FROM notes", (), "here:2")
LIKE = Statement("like", "SELECT count(*) AS notes FROM notes WHERE text LIKE :pattern", ("pattern",), "here:4")


def count(tx: Transaction) -> int:
    row = tx.one(COUNT)
    assert row
    return int(row["notes"])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "notes.db"
    with closing(connect_writer(path)) as connection:
        connection.execute("CREATE TABLE notes (text TEXT NOT NULL) STRICT")
    return path


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    async with Database(path, "full", Clock()).opened() as database:
        yield database


async def test_it_is_done_on_the_loops_own_thread(database: Database) -> None:
    assert await database.look_up(lambda _: threading.get_ident()) == threading.get_ident()
    assert await database.read(lambda _: threading.get_ident()) != threading.get_ident()


async def test_it_sees_what_has_just_been_answered(database: Database, path: Path) -> None:
    for number in range(1, 20):
        await database.write(lambda tx: tx.run(ADD, text="ours"))
        assert await database.look_up(count) == 2 * number - 1
        with closing(connect_writer(path)) as other:
            other.execute("INSERT INTO notes (text) VALUES ('of another process')")
        await asyncio.sleep(0)  # whatever asks now has come after that
        assert await database.look_up(count) == 2 * number


async def test_who_comes_in_later_is_not_shown_an_earlier_state(database: Database, path: Path) -> None:
    seen: list[int] = []

    async def look() -> None:
        seen.append(await database.look_up(count))

    await database.look_up(count)
    first = asyncio.create_task(look())
    await asyncio.sleep(0)
    with closing(connect_writer(path)) as other:
        other.execute("INSERT INTO notes (text) VALUES ('of another process')")
    second = asyncio.create_task(look())  # as what the loop reads from a socket now
    await asyncio.gather(first, second)
    assert seen == [0, 1]


async def test_what_another_thread_has_read_meanwhile_is_not_older_for_who_is_told_of_it(path: Path) -> None:
    loop, seen = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()
    with closing(connect_reader(path)) as connection, closing(connect_writer(path)) as other:
        cache = LookupCache(connection, loop)

        def commit_and_tell(_: sqlite3.Cursor, row: tuple[int]) -> tuple[int]:
            """Does what another thread can do once SQLite has read the version, when the interpreter is free."""
            connection.row_factory = sqlite3.Row
            other.execute("INSERT INTO notes (text) VALUES ('meanwhile')")
            loop.call_soon(lambda: seen.set_result(cache.look_up(count)))
            return row

        cache.look_up(count)
        await asyncio.sleep(0)
        connection.row_factory = commit_and_tell
        cache.look_up(count)
        assert await seen == 1


async def test_it_asks_the_file_once_for_as_long_as_nobody_commits(path: Path) -> None:
    with closing(connect_reader(path)) as connection, closing(connect_writer(path)) as other:
        cache = LookupCache(connection, asyncio.get_running_loop())
        asked: list[str] = []
        connection.set_trace_callback(lambda sql: asked.append(sql) if sql == COUNT.sql else None)

        async def look() -> int:
            found = cache.look_up(count)
            await asyncio.sleep(0)  # the snapshot ends with the step of the loop
            return found

        assert [await look(), await look(), len(asked)] == [0, 0, 1]
        other.execute("INSERT INTO notes (text) VALUES ('one')")
        assert [await look(), await look(), len(asked)] == [1, 1, 2]
        other.execute("BEGIN")
        other.execute("INSERT INTO notes (text) VALUES ('never')")
        assert [await look(), len(asked)] == [1, 2]
        other.execute("ROLLBACK")
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert [await look(), await look()] == [1, 1]


async def test_what_a_snapshot_shows_is_not_remembered_for_the_next(path: Path) -> None:
    with closing(connect_reader(path)) as connection, closing(connect_writer(path)) as other:
        cache = LookupCache(connection, asyncio.get_running_loop())

        def count_while_one_is_added(tx: Transaction) -> int:
            other.execute("INSERT INTO notes (text) VALUES ('meanwhile')")
            return count(tx)

        assert cache.look_up(count_while_one_is_added) == 0
        await asyncio.sleep(0)
        assert cache.look_up(count) == 1
        await asyncio.sleep(0)


async def test_what_is_remembered_is_told_apart_by_its_values(database: Database) -> None:
    pair = Statement("pair", "SELECT :one AS one, :two AS two", ("one", "two"), "here:3")

    def look(tx: Transaction, one: str, two: str) -> tuple[str, ...]:
        return tuple(tx.row(pair, one=one, two=two))

    for one, two in ("ab", "ba", "ab"):
        assert await database.look_up(look, one, two) == (one, two)


async def test_an_error_is_not_remembered(database: Database) -> None:
    attempts: list[int] = []

    def fail_once(tx: Transaction) -> int:
        attempts.append(count(tx))
        if len(attempts) == 1:
            raise NotFound("event_not_found")
        return count(tx)

    with pytest.raises(NotFound):
        await database.look_up(fail_once)
    assert await database.look_up(fail_once) == 0


async def test_only_so_much_is_remembered(path: Path) -> None:
    with closing(connect_reader(path)) as connection:
        cache = LookupCache(connection, asyncio.get_running_loop())
        asked: list[int] = []

        def look(_: Transaction, number: int) -> None:
            asked.append(number)

        for number in [*range(MAX_CACHED + 1), MAX_CACHED, 0]:
            cache.look_up(look, number)
        assert asked == [*range(MAX_CACHED + 1), 0]
        await asyncio.sleep(0)


async def test_it_sees_one_snapshot(database: Database, path: Path) -> None:
    def work(tx: Transaction) -> tuple[int, int]:
        before = count(tx)
        with closing(connect_writer(path)) as other:
            other.execute("INSERT INTO notes (text) VALUES ('meanwhile')")
        return before, count(tx)

    assert await database.look_up(work) == (0, 0)
    await asyncio.sleep(0)
    assert await database.look_up(count) == 1


async def test_the_time_stands_still_for_a_work(path: Path) -> None:
    clock = Clock()

    def work(tx: Transaction) -> tuple[str, str]:
        before = tx.now
        clock.advance(seconds=1)
        return before, tx.now

    async with Database(path, "full", clock).opened() as database:
        times = [await ask(work) for ask in (database.read, database.write)]
    assert times == [(f"2027-01-01T12:00:0{second}Z",) * 2 for second in range(2)]


async def test_what_is_remembered_cannot_depend_on_the_time(database: Database) -> None:
    with pytest.raises(LookupError, match=r"^a cached result cannot depend on the time$"):
        await database.look_up(lambda tx: tx.now)


async def test_it_cannot_write(database: Database) -> None:
    with pytest.raises(Unavailable):
        await database.look_up(lambda tx: tx.run(ADD, text="never"))
    assert await database.read(count) == 0


async def test_it_does_not_pin_the_write_ahead_log(database: Database, path: Path) -> None:
    await database.write(lambda tx: tx.run(ADD, text="one"))
    assert await database.look_up(count) == 1
    await database.scrub()
    assert path.with_name("notes.db-wal").stat().st_size == 0


async def test_whoever_reads_an_older_state_is_waited_for(database: Database, path: Path) -> None:
    loop, begun, go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def hold(tx: Transaction) -> int:
        found = count(tx)
        loop.call_soon_threadsafe(begun.set)
        go_on.wait()
        return found

    holding = asyncio.create_task(database.read(hold))
    await begun.wait()
    await database.write(lambda tx: tx.run(ADD, text="one"))
    scrubbing = asyncio.create_task(database.scrub())
    try:
        await database.write(lambda tx: tx.run(ADD, text="meanwhile"))
        assert not scrubbing.done()
    finally:
        go_on.set()
    assert await holding == 0
    await scrubbing
    assert path.with_name("notes.db-wal").stat().st_size == 0


async def test_an_error_comes_out_as_itself(database: Database) -> None:
    def fail(_: Transaction) -> None:
        raise NotFound("event_not_found")

    with pytest.raises(NotFound):
        await database.look_up(fail)


async def test_another_loop_may_ask_and_write_too(database: Database) -> None:
    def count_like(tx: Transaction, pattern: str) -> int:
        return int(tx.row(LIKE, pattern=pattern)["notes"])

    async def write_and_look() -> tuple[int, int, int]:
        changed = await database.write(lambda tx: tx.run(ADD, text="two"))
        return changed, await database.look_up(count), await database.look_up(count_like, "tw%")

    await database.write(lambda tx: tx.run(ADD, text="one"))
    assert await asyncio.to_thread(lambda: asyncio.run(write_and_look())) == (1, 2, 1)
    assert await database.look_up(count) == 2


async def test_a_thread_has_one_connection_however_often_it_asks(database: Database) -> None:
    async def ask_twice() -> list[int]:
        return [await database.read(lambda tx: id(tx._connection)) for _ in range(2)]

    first, second = await asyncio.to_thread(lambda: asyncio.run(ask_twice()))
    assert first == second


async def test_who_asks_on_a_thread_of_its_own_reads_there(path: Path) -> None:
    async with Database(path, "full", Clock()).opened() as database:
        await database.write(lambda tx: tx.run(ADD, text="one"))

        async def look() -> tuple[bool, int]:
            return await database.read(lambda _: threading.get_ident()) == threading.get_ident(), await database.read(
                count
            )

        assert await asyncio.to_thread(lambda: asyncio.run(look())) == (True, 1)
        await database.write(lambda tx: tx.run(ADD, text="two"))
        assert await asyncio.to_thread(lambda: asyncio.run(look())) == (True, 2)
    assert not path.with_name("notes.db-wal").exists()  # every connection is closed


async def test_a_function_says_how_much_of_it_is_remembered(path: Path) -> None:
    with closing(connect_reader(path)) as connection, closing(connect_writer(path)) as other:
        cache = LookupCache(connection, asyncio.get_running_loop())
        asked: list[int] = []

        @caches_up_to(MAX_CACHED + 1)
        def look(tx: Transaction, number: int) -> int:
            asked.append(number)
            return count(tx)

        for _ in range(2):
            assert {cache.look_up(look, number) for number in range(MAX_CACHED + 1)} == {0}
        assert asked == list(range(MAX_CACHED + 1))
        await asyncio.sleep(0)
        other.execute("INSERT INTO notes (text) VALUES ('one')")
        assert cache.look_up(look, 0) == 1
        await asyncio.sleep(0)
