"""A copy of the database while it is served: consistent, verified, and never half there."""

import os
import secrets
import sqlite3
from collections.abc import Callable
from contextlib import closing
from glob import escape
from pathlib import Path

from eventorg.database import connect_reader
from eventorg.preparation import core_component, find_faults
from eventorg.settings import StartError

PAGES_A_STEP = 1_000

Progress = Callable[[int, int], None]
"""Told how many pages are copied, of how many."""


def back_up(database: Path, target: Path, progress: Progress = lambda done, total: None) -> None:
    """Copies the database to a file, which must not exist yet.

    Made under another name beside the target, checked, flushed to the disk, and only then renamed: what bears the
    target's name is whole. It is a file of its own, without a write-ahead log. Raises `StartError`.
    """
    target = target.absolute()
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    if not database.exists():
        raise StartError(f"There is no database {database} to back up.")
    if target.exists():
        raise StartError(f"{target} exists already; a backup replaces nothing.")
    try:
        _copy(database, draft, progress)
        if faults := find_faults(draft, [core_component()]):
            raise StartError(f"The backup of {database} is not usable: {faults[0]}")
        _flush(draft)
        os.link(draft, target)  # unlike a rename, it does not replace what has come there meanwhile
        _flush(target.parent)
    except FileExistsError:
        raise StartError(f"{target} exists already; a backup replaces nothing.") from None
    except (OSError, sqlite3.Error) as error:
        raise StartError(f"{target} could not be written: {error}.") from error
    finally:
        for leftover in target.parent.glob(f"{escape(draft.name)}*"):
            leftover.unlink()


def _copy(database: Path, draft: Path, progress: Progress) -> None:
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(connect_reader(database)) as source, closing(sqlite3.connect(draft)) as copy:
        # One read transaction, so that writers do not make the copy begin again.
        source.execute("BEGIN")
        source.execute("SELECT 1 FROM sqlite_master").fetchall()
        source.backup(
            copy, pages=PAGES_A_STEP, progress=lambda _, remaining, total: progress(total - remaining, total), sleep=0
        )
        source.execute("ROLLBACK")
        copy.execute("PRAGMA journal_mode = DELETE")


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
