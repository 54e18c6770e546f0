"""Copies of a database file. A copy gets its final name only when it is complete and flushed."""

import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from glob import escape
from pathlib import Path

from eventorg.storage.sqlite import connect_reader

PAGES_A_STEP = 1_000

Progress = Callable[[str, int, int], None]
"""Receives the name of a step, the amount done and the total amount."""


def no_progress(what: str, done: int, total: int) -> None:
    """Ignores the progress."""


@contextmanager
def temporary_beside(target: Path) -> Iterator[Path]:
    """Yields a new empty file beside a target, mode 0600, with a unique name. It is deleted when the block ends, unless
    it was renamed by then."""
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield draft
    finally:
        for leftover in target.parent.glob(f"{escape(draft.name)}*"):
            leftover.unlink()


def copy_database(source: Path, draft: Path, progress: Progress = no_progress) -> None:
    """Copies the committed state, also of a file in use, into a file without a write-ahead log.

    Raises `sqlite3.Error`.
    """
    with closing(connect_reader(source)) as reader, closing(sqlite3.connect(draft)) as copy:
        # One read transaction, because a write in between would restart the copy.
        reader.execute("BEGIN")
        reader.execute("SELECT 1 FROM sqlite_master").fetchall()
        reader.backup(
            copy,
            pages=PAGES_A_STEP,
            progress=lambda _, remaining, total: progress("copying", total - remaining, total),
            sleep=0,
        )
        reader.execute("ROLLBACK")
        copy.execute("PRAGMA journal_mode = DELETE")


def flush(path: Path) -> None:
    """Flushes a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
