"""Copies the database while it is served. The copy is consistent, verified, and never incomplete."""

import os
import sqlite3
from pathlib import Path

from eventorg.errors import OperatorError
from eventorg.storage.copies import Progress, copy_database, flush, no_progress, temporary_beside
from eventorg.storage.schema import core_component, find_faults, require_database


def back_up(database: Path, target: Path, progress: Progress = no_progress) -> None:
    """Copies the database to a file that must not exist yet. Raises `OperatorError`.

    The copy is written under another name next to the target, checked, flushed to disk, and only then given the
    target's name, so that a file of that name is complete. It is a single file without a write-ahead log.
    """
    target = target.absolute()
    require_database(database)
    if target.exists():
        raise OperatorError(f"{target} already exists. eventorg does not overwrite files. Choose another name.")
    if not target.parent.is_dir():
        raise OperatorError(f"The folder {target.parent} for the backup does not exist. Create it first.")
    try:
        with temporary_beside(target) as draft:
            copy_database(database, draft, progress)
            progress("checking", 0, 1)
            if faults := find_faults(draft, [core_component()]):
                raise OperatorError(f"The backup of {database} is not usable: {faults[0]}")
            progress("checking", 1, 1)
            flush(draft)
            os.link(draft, target)  # unlike a rename, this does not replace a file created in the meantime
            flush(target.parent)
    except FileExistsError:
        raise OperatorError(
            f"{target} already exists. eventorg does not overwrite files. Choose another name."
        ) from None
    except (OSError, sqlite3.Error) as error:
        raise OperatorError(f"{target} could not be written: {error}.") from error
