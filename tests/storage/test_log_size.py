"""The write-ahead log stays small, although somebody always reads."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from eventorg.storage import sqlite as storage
from eventorg.storage.database import Database
from eventorg.storage.sqlite import connect_reader, connect_writer
from eventorg.storage.statements import Statement
from eventorg.storage.transactions import Transaction
from eventorg.testing import Clock

pytestmark = pytest.mark.anyio

LIMIT = 256 * 1024
NOTE = "x" * 8_000
ADD = Statement("add", "INSERT INTO notes (text) VALUES (:text)", ("text",), "here:1")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(storage, "_CHECKPOINT_PAGES", 16)
    monkeypatch.setattr(storage, "_RELIEVED_BYTES", LIMIT)
    path = tmp_path / "notes.db"
    with closing(connect_writer(path)) as connection:
        connection.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT")
    return path


@contextmanager
def overlapping_readers(path: Path) -> Iterator[None]:
    """Reads all the time: the next reader always begins before the last one ends, so that some state is always held."""
    stopped, begun = threading.Event(), threading.Event()

    def read() -> None:
        with closing(connect_reader(path)) as one, closing(connect_reader(path)) as other:
            while not stopped.is_set():
                one.execute("BEGIN")
                one.execute("SELECT 1 FROM notes").fetchone()
                begun.set()
                if other.in_transaction:
                    other.execute("ROLLBACK")
                stopped.wait(0.005)
                one, other = other, one

    thread = threading.Thread(target=read)
    thread.start()
    begun.wait()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


async def grow(path: Path, notes: int) -> list[int]:
    """Writes notes, and returns the size of the log after each."""
    sizes = []
    async with Database(path, "normal", Clock()).opened() as database:
        for _ in range(notes):
            await database.write(lambda tx: add(tx))
            sizes.append(path.with_name("notes.db-wal").stat().st_size)
    return sizes


def add(tx: Transaction) -> None:
    tx.run(ADD, text=NOTE)


async def test_readers_that_overlap_do_not_let_it_grow(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "_RELIEF_PATIENCE_MS", 10_000)  # the readers end soon, but not on a busy machine
    with overlapping_readers(path):
        assert max(await grow(path, 400)) < 2 * LIMIT


async def test_a_long_reader_does_not_hold_up_the_writer(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts: list[int] = []
    checkpoint = storage.checkpoint

    def noting(connection: sqlite3.Connection, patience_ms: int = 0) -> bool:
        attempts.append(patience_ms)
        return checkpoint(connection, patience_ms)

    monkeypatch.setattr(storage, "checkpoint", noting)
    monkeypatch.setattr(storage, "_RELIEF_PAUSE_SECONDS", 10_000)  # also on a busy machine, that is later
    with closing(connect_reader(path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM notes").fetchone()
        assert max(await grow(path, 400)) > 4 * LIMIT
        assert len(attempts) == 1, "it waits for the reader once, and then not for some time"
    _, *sizes = await grow(path, 5)  # it is emptied after the first answer
    assert max(sizes) < 2 * LIMIT
