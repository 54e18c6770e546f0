"""Checks and prepares a file before it is served: it must be an intact file of eventorg with the current schema.

Everything here is synchronous and runs before the first request. A file that is refused stays as it was.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

from eventorg.domain.values import Clock, rfc3339
from eventorg.errors import OperatorError
from eventorg.package_data import data_folder
from eventorg.storage.copies import Progress, copy_database, flush, no_progress, temporary_beside
from eventorg.storage.invariants import broken_rules, miscounts
from eventorg.storage.migrations import Component, NewerSchema, check_history, find_pending, migrate
from eventorg.storage.ownership import require_place
from eventorg.storage.sqlite import Pages, connect_reader, connect_writer, count_pages
from eventorg.storage.statements import Statements

APPLICATION_ID = 0x65766F72
"""`PRAGMA application_id` of an eventorg file: "evor", set by the first migration."""

PATIENCE_MS = 60_000
"""The time to wait for another program that migrates: a million registrations can take ten seconds."""

Depth = Literal["schema", "quick", "thorough"]
"""How much of a file is read to find its faults: its schema, all of it, or all of it several times."""

_STATISTICS = ("sqlite_stat1", "sqlite_stat4")
"""The tables that `ANALYZE` and `PRAGMA optimize` write. The statements are made for the plans without statistics,
which the tests check. With those of a million registrations, SQLite 3.40 reads all events to find no news (13 instead
of 0.04 ms), and a search that finds nothing takes 88 instead of 0.02 ms."""
_FAILURES = "SELECT name, count(*) FROM plugin_failures GROUP BY name ORDER BY name"
_UNVERIFIED = "SELECT count(*) FROM users WHERE email IS NOT NULL AND NOT email_verified"
_SERVED = frozenset(("schema", "integrity", "foreign keys"))
"""The checks that must pass before a file is served. The others can be repaired while it is served."""


def core_component() -> Component:
    """Returns the migrations of the core."""
    return Component("eventorg", data_folder("sql") / "migrations")


def prepare(
    path: Path,
    components: list[Component],
    clock: Clock,
    progress: Progress = no_progress,
    *,
    is_known_to_be_sound: bool = False,
) -> list[str]:
    """Creates the file or brings it up to date, and returns the migrations that were applied. Raises `OperatorError`.

    The file is read from end to end for damage, unless it is known to be sound (see `eventorg.storage.ownership`). One
    that a component has used before is copied first, to `<file>.before-<component>-<migration>`: it is the way
    back to the previous version. If something fails, the file stays as it was.
    """
    require_place(path)
    faults = find_faults(path, components, depth="schema" if is_known_to_be_sound else "quick")
    if faults:
        raise OperatorError(f"Cannot use the database {path}: {faults[0]}")

    def keep(pending: list[tuple[Component, list[str]]]) -> None:
        for component, names in pending:
            if len(names) < len(component.files()):  # it has used the file before
                _keep_before(pre_migration_copy(path, component.name, names[0]), path, progress)
        progress("migrating", 0, 1)

    try:
        if not path.exists():
            path.touch(mode=0o600)  # nobody else may read what users write; the write-ahead log gets the same mode
        with closing(connect_writer(path, patience_ms=PATIENCE_MS)) as connection:
            applied = migrate(connection, components, rfc3339(clock()), keep)
            for table in _STATISTICS:
                connection.execute(f"DROP TABLE IF EXISTS {table}")
        progress("migrating", 1, 1)
        return applied
    except (sqlite3.Error, OSError) as error:
        raise OperatorError(f"{path} cannot be written: {error}.") from error


def pre_migration_copy(path: Path, component: str, migration: str) -> Path:
    """Returns the path of the copy that is made before a migration."""
    return path.with_name(f"{path.name}.before-{component}-{Path(migration).stem}")


def _keep_before(kept: Path, path: Path, progress: Progress) -> None:
    """Copies what is committed, as the way back. The caller has the write lock, so nothing is committed after it."""
    with temporary_beside(kept) as draft:
        copy_database(path, draft, progress)
        flush(draft)
        draft.replace(kept)
    flush(path.parent)


def check_statements(path: Path, sql: Statements, prefix: str = "") -> None:
    """Compiles every statement against the prepared file. Raises `StatementError`, also for a statement that writes to
    a table whose name does not begin with `prefix`."""
    with closing(connect_writer(path)) as connection:
        sql.check(connection, prefix)


def find_faults(path: Path, components: list[Component], *, depth: Depth = "quick") -> list[str]:
    """Returns the faults of a file, one sentence each. Only reads. A file that does not exist yet has none."""
    return [fault for aspect, faults in examine(path, components, depth) if aspect in _SERVED for fault in faults]


def require_database(path: Path) -> None:
    """Raises `OperatorError` if there is no file. For commands that would create one in the wrong folder."""
    if not path.exists():
        raise OperatorError(
            f"The database {path} does not exist. Run `eventorg serve` or `eventorg migrate` to create it."
        )


def find_pending_migrations(path: Path, components: list[Component]) -> list[str]:
    """Returns `<component>/<file>` for each migration that is not applied yet, in order. Only reads."""
    with closing(connect_reader(path)) as connection:
        return [f"{each.name}/{name}" for each in components for name in find_pending(connection, each)]


def count_unverified_addresses(path: Path) -> int:
    """Returns the number of users whose address nobody has verified. Only reads."""
    with closing(connect_reader(path)) as connection:
        return int(connection.execute(_UNVERIFIED).fetchone()[0])


def find_pages(path: Path) -> Pages:
    """Returns how large a file is and how much of it is free. Only reads."""
    with closing(connect_reader(path)) as connection:
        return count_pages(connection)


def examine(path: Path, components: list[Component], depth: Depth, now: str = "") -> Iterator[tuple[str, list[str]]]:
    """Yields the aspects of a file, each with its faults, one sentence per fault. Only reads.

    A quick check reads the file from end to end. A thorough one also compares indexes with their tables, and with a
    time the rules that depend on it. A file of another program is not examined.
    """
    if not path.exists() or path.stat().st_size == 0:
        return
    try:
        with closing(connect_reader(path)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
                return
            if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                yield "schema", ["this file belongs to another program."]
                return
            yield "schema", list(_schema_faults(connection, path, components))
            if depth == "schema":
                return
            thorough = depth == "thorough"
            yield "integrity", list(_damage(connection, "integrity_check" if thorough else "quick_check"))
            yield "foreign keys", list(_broken_references(connection))
            yield "counters", list(miscounts(connection)) if thorough else []
            yield "waiting lists and answers", list(broken_rules(connection, now)) if now else []
            yield "plugins", list(_failed_changes(connection)) if thorough else []
    except sqlite3.DatabaseError as error:
        yield "integrity", [f"this file is not a valid SQLite database ({error})."]


def _schema_faults(connection: sqlite3.Connection, path: Path, components: list[Component]) -> Iterator[str]:
    for component in components:
        try:
            check_history(connection, component)
        except NewerSchema as error:
            kept = pre_migration_copy(path, component.name, error.migration)
            if kept.exists():
                error = NewerSchema(component.name, error.migration, f"run `eventorg restore {kept}`")
            yield str(error)
        except OperatorError as error:
            yield str(error)


def _damage(connection: sqlite3.Connection, check: str) -> Iterator[str]:
    for (message,) in connection.execute(f"PRAGMA {check}(1)"):
        if message != "ok":
            yield f"the file is damaged ({message.splitlines()[-1]}). Restore a backup."


def _broken_references(connection: sqlite3.Connection) -> Iterator[str]:
    broken = connection.execute("PRAGMA foreign_key_check").fetchone()
    if broken:
        yield f"a row of {broken[0]} refers to a row of {broken[2]} that is missing. Restore a backup."


def _failed_changes(connection: sqlite3.Connection) -> Iterator[str]:
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'plugin_failures'").fetchone():
        for name, count in connection.execute(_FAILURES).fetchall():
            yield (
                f"{name} failed to process {count} {'change' if count == 1 else 'changes'}. To see the error, run "
                f"`eventorg plugins`. To retry, run `eventorg plugins retry {name}`."
            )
