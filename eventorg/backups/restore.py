"""Replaces the database with a backup. After a crash at any point, one of the two is there and complete."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC
from glob import escape
from itertools import count
from pathlib import Path

from eventorg.domain.values import Clock
from eventorg.errors import OperatorError
from eventorg.storage.copies import Progress, copy_database, flush, no_progress, temporary_beside
from eventorg.storage.invariants import find_miscounts
from eventorg.storage.migrations import Component
from eventorg.storage.ownership import owner_lock
from eventorg.storage.schema import find_faults
from eventorg.storage.sqlite import connect_reader, connect_writer

_HEAD = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0)"
_BEGIN_HEAD = """
INSERT INTO sqlite_sequence (name, seq)
SELECT 'changes', 0
WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'changes')
"""
_RAISE_HEAD = "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'changes'"
_UNFINISHED = "[0-9a-f]" * 8 + "*"


def restore(
    backup: Path, database: Path, components: list[Component], clock: Clock, progress: Progress = no_progress
) -> Path | None:
    """Replaces the database with a copy of a backup. Returns the path of the previous file, or None if there was none.

    The copy is complete, checked and flushed before anything changes, and then renamed over the database. An older
    backup keeps its schema until it is served. Raises `OperatorError` if this version cannot serve the backup, or if
    another program has the database open.
    """
    backup, database = backup.absolute(), database.resolve()
    if not backup.exists() or backup.stat().st_size == 0:
        raise OperatorError(f"The backup {backup} does not exist or is empty.")
    with owner_lock(database), _operator_errors(database):
        if database.exists() and backup.samefile(database):
            raise OperatorError(f"{backup} is the database itself. Specify the path of a backup.")
        for leftover in database.parent.glob(f".{escape(database.name)}.{_UNFINISHED}"):
            leftover.unlink()
        with temporary_beside(database) as draft:
            _fill(draft, backup, components, progress)
            if not database.exists():
                _move_journals(database, _name_beside(database, clock))
                draft.replace(database)
                flush(database.parent)
                return None
            _inherit(draft, database)
            kept = _name_beside(database, clock)
            _fold(database)
            os.link(database, kept)  # now the previous file has two names, until the draft takes the first
            _move_journals(database, kept)
            flush(database.parent)
            draft.replace(database)
            flush(database.parent)
            return kept


def _fill(draft: Path, backup: Path, components: list[Component], progress: Progress) -> None:
    """Copies the backup to the draft and checks it. Raises `OperatorError`."""
    try:
        copy_database(backup, draft, progress)
    except sqlite3.Error as error:
        raise OperatorError(f"{backup} was not restored: {error}.") from None
    progress("checking", 0, 1)
    faults = find_faults(draft, components, depth="thorough") or find_miscounts(draft)
    progress("checking", 1, 1)
    if faults:
        raise OperatorError(f"{backup} was not restored: {faults[0]}")


def _inherit(draft: Path, database: Path) -> None:
    """Takes over the mode of the previous file, its owner if permitted, and the last number of its change log.

    The next change gets a higher number, so that no number is used twice and no follower skips a change.
    """
    shutil.copymode(database, draft)
    owner = database.stat()
    with suppress(PermissionError):
        os.chown(draft, owner.st_uid, owner.st_gid)
    with suppress(sqlite3.Error), closing(connect_reader(database)) as before, closing(sqlite3.connect(draft)) as copy:
        copy.execute(_BEGIN_HEAD)
        copy.execute(_RAISE_HEAD, (before.execute(_HEAD).fetchone()[0],))
        copy.commit()
    flush(draft)


def _fold(database: Path) -> None:
    """Moves the write-ahead log into the file. Does nothing to a file that SQLite cannot read.

    Only the single user of a file can leave WAL mode. Raises `OperatorError` if another program has it open.
    """
    try:
        with closing(connect_writer(database)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise OperatorError(f"{database} is open in another program. Close it first.") from None
    except OperatorError:
        return


def _move_journals(database: Path, kept: Path) -> None:
    """Moves the journals of the previous file away, so that SQLite does not apply them to the new file."""
    for suffix in ("-wal", "-journal"):
        journal = database.with_name(database.name + suffix)
        if journal.exists():
            journal.replace(kept.with_name(kept.name + suffix))
    database.with_name(database.name + "-shm").unlink(missing_ok=True)


def _name_beside(database: Path, clock: Clock) -> Path:
    """Returns a free name. No other program can take it while this one holds the owner lock."""
    name = f"{database.name}.before-restore-{clock().astimezone(UTC):%Y%m%dT%H%M%SZ}"
    names = (database.with_name(f"{name}-{number}" if number else name) for number in count())
    return next(path for path in names if not path.exists())


@contextmanager
def _operator_errors(database: Path) -> Iterator[None]:
    """Turns errors of the disk and of SQLite into `OperatorError`."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise OperatorError(f"{database} could not be replaced and is unchanged: {error}.") from error
