"""Copies of a database file, made under another name and flushed: what bears its own name is whole."""

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
"""Told what is being done, how much of it is done, and of how much."""


def no_progress(what: str, done: int, total: int) -> None:
    """The progress of what nobody looks at."""


@contextmanager
def temporary_beside(target: Path) -> Iterator[Path]:
    """A new empty file beside a target, mode 0600, under a name nobody else has; gone when the block ends, unless it
    was given another name by then."""
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield draft
    finally:
        for leftover in target.parent.glob(f"{escape(draft.name)}*"):
            leftover.unlink()


def copy_database(source: Path, draft: Path, progress: Progress = no_progress) -> None:
    """Copies what is committed, also while it is served, into a file of its own without a write-ahead log.

    Raises `sqlite3.Error`.
    """
    with closing(connect_reader(source)) as reader, closing(sqlite3.connect(draft)) as copy:
        # One read transaction, so that writers do not make the copy begin again.
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
    """Has the disk keep a file, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
