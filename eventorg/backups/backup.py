"""A copy of the database while it is served: consistent, verified, and never half there."""

import os
import sqlite3
from pathlib import Path

from eventorg.errors import OperatorError
from eventorg.storage.copies import Progress, copy_database, flush, no_progress, temporary_beside
from eventorg.storage.schema import core_component, find_faults, require_database


def back_up(database: Path, target: Path, progress: Progress = no_progress) -> None:
    """Copies the database to a file, which must not exist yet.

    Made under another name beside the target, checked, flushed to the disk, and only then renamed: what bears the
    target's name is whole. It is a file of its own, without a write-ahead log. Raises `OperatorError`.
    """
    target = target.absolute()
    require_database(database)
    if target.exists():
        raise OperatorError(f"{target} exists already; a backup replaces nothing: take another name.")
    if not target.parent.is_dir():
        raise OperatorError(f"The folder {target.parent} for the backup does not exist; make it first.")
    try:
        with temporary_beside(target) as draft:
            copy_database(database, draft, progress)
            progress("checking", 0, 1)
            if faults := find_faults(draft, [core_component()]):
                raise OperatorError(f"The backup of {database} is not usable: {faults[0]}")
            progress("checking", 1, 1)
            flush(draft)
            os.link(draft, target)  # unlike a rename, it does not replace what has come there meanwhile
            flush(target.parent)
    except FileExistsError:
        raise OperatorError(f"{target} exists already; a backup replaces nothing: take another name.") from None
    except (OSError, sqlite3.Error) as error:
        raise OperatorError(f"{target} could not be written: {error}.") from error
