"""Puts a backup in the place of the database, so that a crash at any point leaves the one or the other, whole."""

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
from eventorg.storage.migrations import Component
from eventorg.storage.schema import find_faults, find_miscounts, owner_lock
from eventorg.storage.sqlite import connect_reader, connect_writer

_HEAD = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0)"
_BEGIN_HEAD = """
INSERT INTO sqlite_sequence (name, seq)
SELECT 'changes', 0
WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'changes')
"""
_RAISE_HEAD = "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'changes'"
_LEFT_BY_THE_KILLED = "[0-9a-f]" * 8 + "*"


def restore(
    backup: Path, database: Path, components: list[Component], clock: Clock, progress: Progress = no_progress
) -> Path | None:
    """Replaces the database by a copy of a backup; where the file of before is kept, None if there was none.

    What comes into place is copied, checked and flushed before anything is touched, then renamed over the database.
    An older backup keeps its schema until it is served. Raises `OperatorError` if the backup is not one that this
    version can serve, or if anybody has the database open.
    """
    backup, database = backup.absolute(), database.resolve()
    if not backup.exists() or backup.stat().st_size == 0:
        raise OperatorError(f"There is no backup {backup}.")
    with owner_lock(database), _told_of(database):
        if database.exists() and backup.samefile(database):
            raise OperatorError(f"{backup} is the database itself; name a backup of it.")
        for leftover in database.parent.glob(f".{escape(database.name)}.{_LEFT_BY_THE_KILLED}"):
            leftover.unlink()
        with temporary_beside(database) as draft:
            _fill(draft, backup, components, progress)
            if not database.exists():
                _set_aside_journals(database, _name_beside(database, clock))
                draft.replace(database)
                flush(database.parent)
                return None
            _inherit(draft, database)
            kept = _name_beside(database, clock)
            _fold(database)
            os.link(database, kept)  # from here on the file of before has two names, until the draft takes the first
            _set_aside_journals(database, kept)
            flush(database.parent)
            draft.replace(database)
            flush(database.parent)
            return kept


def _fill(draft: Path, backup: Path, components: list[Component], progress: Progress) -> None:
    """Makes the draft a copy of the backup that can be served. Raises `OperatorError`."""
    try:
        copy_database(backup, draft, progress)
    except sqlite3.Error as error:
        raise OperatorError(f"{backup} is not restored: {error}.") from None
    progress("checking", 0, 1)
    faults = find_faults(draft, components, thorough=True) or find_miscounts(draft)
    progress("checking", 1, 1)
    if faults:
        raise OperatorError(f"{backup} is not restored: {faults[0]}")


def _inherit(draft: Path, database: Path) -> None:
    """What the file of before had: its mode, its owner if we may give files away, and the numbers of its change log,
    so that none is given twice and no follower skips what comes."""
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
    """Moves the write-ahead log into the file. Only who has it open alone can leave WAL mode, so nobody else has.

    A file that SQLite cannot read is left as it is. Raises `OperatorError`.
    """
    try:
        with closing(connect_writer(database)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise OperatorError(f"{database} is open in another program; close it first.") from None
    except OperatorError:
        return


def _set_aside_journals(database: Path, kept: Path) -> None:
    """Leaves no log of the file of before that would be taken for one of the new file."""
    for suffix in ("-wal", "-journal"):
        journal = database.with_name(database.name + suffix)
        if journal.exists():
            journal.replace(kept.with_name(kept.name + suffix))
    database.with_name(database.name + "-shm").unlink(missing_ok=True)


def _name_beside(database: Path, clock: Clock) -> Path:
    """A name that is free; who owns the database alone is the only one to take it."""
    name = f"{database.name}.before-restore-{clock().astimezone(UTC):%Y%m%dT%H%M%SZ}"
    names = (database.with_name(f"{name}-{number}" if number else name) for number in count())
    return next(path for path in names if not path.exists())


@contextmanager
def _told_of(database: Path) -> Iterator[None]:
    """Raises `OperatorError` for what the disk refuses."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise OperatorError(f"{database} could not be replaced, and is as it was: {error}.") from error
