"""What must hold before a file is served: it is eventorg's, whole, and of this version's schema.

Everything here is synchronous and done before the first request; a file that is refused is left as it was.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from eventorg.database import connect_reader, connect_writer
from eventorg.domain.values import Clock, rfc3339
from eventorg.migrations import Component, check_history, migrate
from eventorg.resources import resource
from eventorg.settings import StartError
from eventorg.statements import Statements

APPLICATION_ID = 0x65766F72
"""`PRAGMA application_id` of a file of eventorg's: "evor", set by the first migration."""

_MISCOUNTED = """
SELECT id
FROM events
LEFT JOIN (
    SELECT
        event_id,
        count(*) FILTER (WHERE status IN ('registered', 'attended')) AS registered,
        count(*) FILTER (WHERE status = 'waitlisted') AS waitlisted
    FROM registrations
    GROUP BY event_id
) AS counted ON counted.event_id = events.id
WHERE (registered_count, waitlisted_count) <> (coalesce(registered, 0), coalesce(waitlisted, 0))
LIMIT 1
"""


def core_component() -> Component:
    """The core's migrations."""
    return Component("eventorg", resource("sql") / "migrations")


def prepare(path: Path, components: list[Component], clock: Clock) -> list[str]:
    """Makes the file or brings it up to date; the migrations applied. Raises `StartError`."""
    _require_folder(path)
    faults = find_faults(path, components)
    if faults:
        raise StartError(f"{path} is not served: {faults[0]}")
    try:
        if not path.exists():
            path.touch(mode=0o600)  # what users tell is nobody else's; the write-ahead log takes its mode from it
        with closing(connect_writer(path)) as connection:
            now = rfc3339(clock())
            return [f"{part.name}/{name}" for part in components for name in migrate(connection, part, now)]
    except (sqlite3.Error, OSError) as error:
        raise StartError(f"{path} cannot be written: {error}.") from error


def check_statements(path: Path, sql: Statements, prefix: str = "") -> None:
    """Has SQLite compile every statement against the prepared file. Raises `StatementError`, also for one that writes
    to a table whose name does not begin with `prefix`."""
    with closing(connect_writer(path)) as connection:
        sql.check(connection, prefix)


def find_faults(path: Path, components: list[Component]) -> list[str]:
    """What is wrong with a file, a sentence each; reads only. A file that does not exist yet has no fault."""
    if not path.exists() or path.stat().st_size == 0:
        return []
    try:
        with closing(connect_reader(path)) as connection:
            return list(_faults(connection, components))
    except sqlite3.DatabaseError as error:
        return [f"it cannot be read as a SQLite database ({error})."]


def _faults(connection: sqlite3.Connection, components: list[Component]) -> Iterator[str]:
    if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        return
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        yield "it is the SQLite database of another program."
        return
    for component in components:
        try:
            check_history(connection, component)
        except StartError as error:
            yield str(error)
    for (message,) in connection.execute("PRAGMA quick_check(1)"):
        if message != "ok":
            yield f"it is damaged ({message.splitlines()[-1]}); restore a backup."
    broken = connection.execute("PRAGMA foreign_key_check").fetchone()
    if broken:
        yield f"a row of {broken[0]} refers to a row of {broken[2]} that is missing; restore a backup."


def find_miscounts(path: Path) -> list[str]:
    """The events whose counters of seats do not equal their registrations, a sentence each; reads only."""
    with closing(connect_reader(path)) as connection:
        rows = connection.execute(_MISCOUNTED).fetchall()
    return [
        f"the counters of event {event_id} do not equal its registrations; restore a backup." for (event_id,) in rows
    ]


@contextmanager
def sole_owner(path: Path) -> Iterator[None]:
    """Holds the file for this process alone, by a lock on a side file. Raises `StartError` if another has it.

    The lock is the kernel's (flock): it goes when the process goes, however that happens. Readers need none.
    """
    _require_folder(path)
    try:
        descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StartError(f"{path} cannot be locked for this process: {error.strerror}.") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StartError(f"{path} is served by another eventorg already.") from None
        yield
    finally:
        os.close(descriptor)


def _require_folder(path: Path) -> None:
    if not path.parent.is_dir():
        raise StartError(f"The folder {path.parent} for the database does not exist; make it first.")
