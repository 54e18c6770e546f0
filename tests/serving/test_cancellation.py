"""Clients that disconnect at any moment: no transaction is half done, no answered one is lost, and no lock remains."""

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import aiosqlite
import pytest

from eventorg.storage.database import Database, _raw
from eventorg.storage.sqlite import connect_writer
from eventorg.storage.statements import Statement
from eventorg.storage.transactions import Transaction
from eventorg.testing import Clock

pytestmark = pytest.mark.anyio

WORKS = 400
INSERT = "INSERT INTO halves (work) VALUES (:work)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "halves.db"
    with closing(connect_writer(path)) as connection:
        connection.execute("CREATE TABLE halves (work INTEGER NOT NULL) STRICT")
    return path


async def storm(start: Callable[[int], asyncio.Task[int]], dice: random.Random) -> set[int]:
    """Runs many transactions, a few at a time, and cancels every other one at a random moment: while it waits, runs, or
    commits. Returns the ones that were answered."""
    tasks: list[asyncio.Task[int]] = []
    running: set[asyncio.Task[int]] = set()
    room = asyncio.Semaphore(7)
    for number in range(WORKS):
        await room.acquire()
        task = start(number)
        tasks.append(task)
        running.add(task)
        task.add_done_callback(running.discard)
        task.add_done_callback(lambda _: room.release())
        for _ in range(dice.randrange(40)):
            await asyncio.sleep(0)
        if number % 2 and running:
            dice.choice(sorted(running, key=tasks.index)).cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    return {result for result in results if isinstance(result, int)}


def halves(path: Path) -> Counter[int]:
    """Returns how many of its two rows each transaction wrote."""
    with closing(sqlite3.connect(path)) as connection:
        return Counter(work for (work,) in connection.execute("SELECT work FROM halves"))


@pytest.mark.parametrize("seed", range(3))
async def test_many_cancellations_leave_only_complete_transactions(path: Path, seed: int) -> None:
    insert = Statement("insert", INSERT, ("work",), "here:1")
    async with Database(path, "normal", Clock()).opened() as database:

        def start(number: int) -> asyncio.Task[int]:
            def work(tx: Transaction) -> int:
                tx.run(insert, work=number)
                tx.run(insert, work=number)
                return number

            return asyncio.create_task(database.write(work))

        answered = await storm(start, random.Random(seed))
        await database.write(lambda tx: None)
        assert not _raw(database._writer).in_transaction
    rows = halves(path)
    assert set(rows.values()) == {2}
    assert answered <= set(rows)
    assert WORKS // 2 <= len(answered) < WORKS  # some were cancelled in time


async def test_control_awaiting_each_statement_leaves_incomplete_transactions(path: Path) -> None:
    """Control: the same load on one aiosqlite connection with a lock, where each statement is awaited, loses rows."""
    async with aiosqlite.connect(path, isolation_level=None) as connection:
        await connection.execute("PRAGMA synchronous = OFF")
        lock = asyncio.Lock()

        async def naive(number: int) -> int:
            async with lock:
                if not connection.in_transaction:
                    await connection.execute("BEGIN IMMEDIATE")
                await connection.execute(INSERT, {"work": number})
                await connection.execute(INSERT, {"work": number})
                await connection.commit()
            return number

        await storm(lambda number: asyncio.create_task(naive(number)), random.Random(0))
        leaked = connection.in_transaction
        await connection.commit()
    assert leaked or 1 in halves(path).values()
