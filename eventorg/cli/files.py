"""`eventorg check`, `backup` and `restore`: the file itself."""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from eventorg.backups.backup import back_up
from eventorg.backups.restore import restore as restore_backup
from eventorg.core import Core
from eventorg.errors import OperatorError
from eventorg.extensions.loader import check_names
from eventorg.settings import load
from eventorg.storage.copies import Progress, no_progress
from eventorg.storage.schema import examine

SAFE_SQLITE = (3, 51, 3)
"""Before it two connections that empty the write-ahead log at once can damage the file (sqlite.org/wal.html)."""


@contextmanager
def progress_shown() -> Iterator[Progress]:
    """What a long work tells, drawn for a person at a terminal, and for nobody else."""
    if not sys.stderr.isatty():
        yield no_progress
        return
    with click.progressbar(length=1, file=sys.stderr) as bar:

        def show(what: str, done: int, total: int) -> None:
            bar.label = what
            bar.length = total
            bar.pos = done
            bar.render_progress()

        yield show


@click.command()
def check() -> None:
    """Check the database, also while it is served: a line for each aspect. Exit status 1 if something is wrong.

    Example: eventorg check
    """
    core = Core(load())
    path = core.settings.database_path
    if not path.exists():
        raise OperatorError(f"There is no database {path}; `eventorg serve` makes one.")
    is_sound = True
    with progress_shown() as progress:
        progress("checking", 0, 1)
        aspects = list(examine(path, core.components, thorough=True))
        progress("checking", 1, 1)
    for aspect, faults in aspects:
        for fault in faults:
            click.echo(f"{aspect}: {fault}", err=True)
            is_sound = False
        if not faults:
            click.echo(f"{aspect}: ok")
    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < SAFE_SQLITE:
        version += ", in which two programs that empty the write-ahead log at once can damage the file; eventorg never"
        version += " does, so let no other program write to it"
    click.echo(f"SQLite: {version}")
    if not is_sound:
        sys.exit(1)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Copy the database to FILE, also while it is served. The copy is checked before it gets its name.

    Example: eventorg backup /var/backups/eventorg-monday.db
    """
    settings = load()
    check_names(settings)
    with progress_shown() as progress:
        back_up(settings.database_path, file, progress)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def restore(file: Path) -> None:
    """Put a copy of the backup FILE in the place of the database, while no server runs. FILE is checked before, and
    the database that was there is kept beside it.

    Example: eventorg restore /var/backups/eventorg-monday.db
    """
    core = Core(load())
    database = core.settings.database_path
    with progress_shown() as progress:
        kept = restore_backup(file, database, core.components, core.clock, progress)
    click.echo(f"restored {database} from {file}")
    if kept is not None:
        click.echo(f"the way back: eventorg restore {kept}")
