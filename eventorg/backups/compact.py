"""Rewrites the database without its free space. After a crash at any point, the old file or the new one is there."""

import sqlite3
from contextlib import closing
from pathlib import Path

from eventorg.backups.restore import copy_attributes, delete_leftovers, fold, operator_errors
from eventorg.errors import OperatorError
from eventorg.storage.copies import Progress, flush, no_progress, temporary_beside
from eventorg.storage.migrations import Component
from eventorg.storage.ownership import owner_lock
from eventorg.storage.schema import find_faults


def compact(database: Path, components: list[Component], progress: Progress = no_progress) -> tuple[int, int]:
    """Replaces the database with a copy without free space, which shrinks by itself from then on. Returns the size
    before and after, in bytes.

    The copy is complete, checked and flushed before it is renamed over the database. Raises `OperatorError`, also if
    another program has the database open.
    """
    database = database.resolve()
    with owner_lock(database) as owned, operator_errors(database):
        delete_leftovers(database)
        progress("checking", 0, 3)
        if faults := find_faults(database, components):
            raise OperatorError(f"{database} was not compacted: {faults[0]}")
        fold(database)
        before = database.stat().st_size
        with temporary_beside(database) as draft:
            progress("copying", 1, 3)
            with closing(sqlite3.connect(database, isolation_level=None)) as connection:
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # of the copy
                connection.execute("VACUUM INTO ?", (str(draft),))
            progress("checking", 2, 3)
            if faults := find_faults(draft, components):
                raise OperatorError(f"{database} was not compacted: {faults[0]}")
            copy_attributes(database, draft)
            flush(draft)
            draft.replace(database)
            flush(database.parent)
        owned.put_mark()
        progress("done", 3, 3)
        return before, database.stat().st_size
