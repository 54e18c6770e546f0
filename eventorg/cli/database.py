"""`eventorg migrate`, `check`, `compact`, `backup`, and `restore`: the database file.

All but `backup` need the migrations of the plugins, and so import the plugins.
"""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from eventorg.backups.backup import back_up
from eventorg.backups.compact import compact as compact_database
from eventorg.backups.restore import restore as restore_backup
from eventorg.core import Core
from eventorg.domain.values import rfc3339
from eventorg.extensions.loader import check_names
from eventorg.settings import load
from eventorg.storage.copies import Progress, no_progress
from eventorg.storage.invariants import repair
from eventorg.storage.schema import (
    count_unverified_addresses,
    examine,
    find_pages,
    find_pending_migrations,
    require_database,
)
from eventorg.storage.sqlite import Pages

SAFE_SQLITE = (3, 51, 3)
"""Earlier versions can damage the file when two connections checkpoint the write-ahead log at once
(sqlite.org/wal.html)."""


@contextmanager
def progress_shown() -> Iterator[Progress]:
    """Shows a progress bar if standard error is a terminal, and nothing otherwise."""
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
def migrate() -> None:
    """Create the database, or update its schema. `serve` does this too.

    Example: eventorg migrate
    """
    with progress_shown() as progress:
        applied = Core(load()).prepare(progress)
    click.echo("\n".join(f"applied {name}" for name in applied) or "up to date")


@click.command()
@click.option("--repair", "repairs", is_flag=True, help="First correct what does not match the registrations.")
def check(repairs: bool) -> None:
    """Check the database and print one line per check. You can run it while the server runs. The exit status is 1 if
    anything is wrong.

    With --repair, counters are counted again, an answer beside a registration is deleted, and the server gives free
    seats to people who wait.

    Example: eventorg check --repair
    """
    core = Core(load())
    path = core.settings.database_path
    require_database(path)
    if repairs:
        core.prepare()
        for sentence in repair(path, core.clock):
            click.echo(f"repaired {sentence}")
    is_sound = True
    with progress_shown() as progress:
        progress("checking", 0, 1)
        aspects = list(examine(path, core.components, "thorough", now=rfc3339(core.clock())))
        progress("checking", 1, 1)
    for aspect, faults in aspects:
        for fault in faults:
            click.echo(f"{aspect}: {fault}", err=True)
            is_sound = False
        if not faults:
            click.echo(f"{aspect}: ok")
    if is_sound:
        pending = find_pending_migrations(path, core.components)
        state = f"pending: {', '.join(pending)} (`eventorg serve` or `migrate` applies them)" if pending else "ok"
        click.echo(f"migrations: {state}")
        _report_size(find_pages(path))
        if not pending:
            _report_addresses(count_unverified_addresses(path))
    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < SAFE_SQLITE:
        version += ". This version can damage the file if two programs checkpoint the write-ahead log at once."
        version += " eventorg never does this. Do not let another program write to the file."
    click.echo(f"SQLite: {version}")
    if not is_sound:
        sys.exit(1)


def _report_size(pages: Pages) -> None:
    """Prints the size of the file, and whether it shrinks by itself."""
    hint = (
        "" if pages.can_shrink else ". The file does not shrink. To let it, stop the server and run `eventorg compact`."
    )
    click.echo(f"size: {_megabytes(pages.count * pages.size)}, {_megabytes(pages.free * pages.size)} of it free{hint}")


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB"


def _report_addresses(unverified: int) -> None:
    """Prints how many users get no mail. That is no fault: each of them can verify the address."""
    hint = (
        ". These users get no messages by mail. To verify one, run `eventorg user verify NAME`." if unverified else ""
    )
    click.echo(f"unverified email addresses: {unverified}{hint}")


@click.command()
def compact() -> None:
    """Rewrite the database without its free space.

    From then on it shrinks by itself. Databases from before version 0.2 need this once. Stop the server first. The
    command needs as much free disk space as the database has.

    Example: eventorg compact
    """
    core = Core(load())
    path = core.settings.database_path
    require_database(path)
    with progress_shown() as progress:
        before, after = compact_database(path, core.components, progress)
    click.echo(f"compacted {path}: {_megabytes(before)}, now {_megabytes(after)}")


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Copy the database to FILE. You can run it while the server runs. FILE appears only after the copy is verified.

    Example: eventorg backup /var/backups/eventorg-monday.db
    """
    settings = load()
    check_names(settings)
    with progress_shown() as progress:
        back_up(settings.database_path, file, progress)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def restore(file: Path) -> None:
    """Replace the database with the backup FILE. Stop the server first. The command verifies FILE and keeps the
    previous database beside the new one.

    Example: eventorg restore /var/backups/eventorg-monday.db
    """
    core = Core(load())
    database = core.settings.database_path
    with progress_shown() as progress:
        kept = restore_backup(file, database, core.components, core.clock, progress)
    click.echo(f"restored {database} from {file}")
    if kept is not None:
        click.echo(f"to undo: eventorg restore {kept}")
