"""Applies the numbered SQL files of a component, each once, whole or not at all.

The table `migrations` remembers each file by name and SHA-256. A file that has landed is never edited: one
whose hash differs is refused, as is a database that knows a file which this program does not have.
"""

import hashlib
import re
import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from msgspec import Struct

from eventorg.errors import OperatorError

_NAME = re.compile(r"\d{4}_[a-z0-9_]+\.sql")
_CREATE = """
CREATE TABLE IF NOT EXISTS migrations (
    component  TEXT NOT NULL,
    name       TEXT NOT NULL,
    sha256     TEXT NOT NULL,
    applied_at TEXT NOT NULL,
    PRIMARY KEY (component, name)
) STRICT, WITHOUT ROWID
"""
_APPLIED = "SELECT name, sha256 FROM migrations WHERE component = ? ORDER BY name"
_SCHEMA_ACTIONS = frozenset(
    (
        sqlite3.SQLITE_CREATE_TABLE,
        sqlite3.SQLITE_CREATE_VIEW,
        sqlite3.SQLITE_CREATE_VTABLE,
        sqlite3.SQLITE_DROP_TABLE,
        sqlite3.SQLITE_DROP_VIEW,
        sqlite3.SQLITE_DROP_VTABLE,
    )
)
_ON_A_TABLE = frozenset(
    (
        sqlite3.SQLITE_CREATE_INDEX,
        sqlite3.SQLITE_CREATE_TRIGGER,
        sqlite3.SQLITE_DROP_INDEX,
        sqlite3.SQLITE_DROP_TRIGGER,
    )
)
_ROW_ACTIONS = frozenset((sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE))
_HOLDING_BACK = """
SELECT tables.name, keys."table"
FROM sqlite_master AS tables
JOIN pragma_foreign_key_list(tables.name) AS keys
WHERE tables.type = 'table'
    AND substr(tables.name, 1, length(:prefix)) = :prefix
    AND substr(keys."table", 1, length(:prefix)) <> :prefix
    AND keys.on_delete NOT IN ('CASCADE', 'SET NULL')
"""
_REMEMBER = "INSERT INTO migrations (component, name, sha256, applied_at) VALUES (?, ?, ?, ?)"


class MigrationError(OperatorError):
    """The schema cannot be brought up to date; nothing of the failing file was applied."""


class NewerSchema(MigrationError):
    """The database has a `migration` that this program does not."""

    def __init__(self, component: str, migration: str, way_back: str = "restore a backup") -> None:
        self.migration = migration
        super().__init__(
            f"The database has the migration {migration} of {component}, which this version does not know: "
            f"it was made by a newer {component}; install that version or {way_back}."
        )


class Component(Struct, frozen=True):
    """A set of migrations: the core's, or a plugin's. `folder` holds `0001_name.sql` and so on; the tables they make
    begin with `prefix`."""

    name: str
    folder: Path
    prefix: str = ""

    def files(self) -> list[Path]:
        """The migrations in the order they are applied. Raises `MigrationError` for a name out of form."""
        files = sorted(self.folder.glob("*.sql"))
        for file in files:
            if not _NAME.fullmatch(file.name):
                raise MigrationError(f"The migration {file} is not named like 0001_initial.sql.")
        return files


def check_history(connection: sqlite3.Connection, component: Component) -> None:
    """Raises `MigrationError` if the database was made by a newer program or by an edited file; changes nothing."""
    known = {file.name: _sha256(file.read_bytes()) for file in component.files()}
    for name, sha256 in _applied(connection, component).items():
        if name not in known:
            raise NewerSchema(component.name, name)
        if known[name] != sha256:
            raise MigrationError(
                f"The migration {name} of {component.name} was edited after it had been applied; put it back and "
                "add another."
            )


def find_pending(connection: sqlite3.Connection, component: Component) -> list[str]:
    """The files of a component that are still to be applied, in order; changes nothing. Raises `MigrationError`."""
    applied = _applied(connection, component)
    return [file.name for file in component.files() if file.name not in applied]


def migrate(connection: sqlite3.Connection, component: Component, now: str) -> list[str]:
    """Applies what is missing; the names of the files applied. Safe when several do it at once.

    `connection` is in autocommit mode; `now` is an RFC 3339 time. Raises `MigrationError`.
    """
    files = component.files()
    done: list[str] = []
    while True:
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute(_CREATE)
            check_history(connection, component)
            applied = _applied(connection, component)
            file = next((file for file in files if file.name not in applied), None)
            if file is None:
                connection.execute("COMMIT")
                return done
            content = file.read_bytes()
            _run(connection, file, content, component.prefix)
            connection.execute(_REMEMBER, (component.name, file.name, _sha256(content), now))
            connection.execute("COMMIT")
            done.append(file.name)
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _run(connection: sqlite3.Connection, file: Path, content: bytes, prefix: str) -> None:
    connection.set_authorizer(partial(_authorize, prefix))
    try:
        for line, statement in _statements(content.decode()):
            try:
                connection.execute(statement)
            except (sqlite3.Error, sqlite3.Warning) as error:
                raise MigrationError(f"{file}:{line}: {_reason(error, prefix)}.") from error
    except UnicodeDecodeError as error:
        raise MigrationError(f"{file} is not UTF-8: {error}.") from None
    finally:
        connection.set_authorizer(None)
    for table, other in connection.execute(_HOLDING_BACK, {"prefix": prefix}) if prefix else ():
        raise MigrationError(
            f"{file}: {table} refers to {other} without ON DELETE CASCADE or SET NULL, so that the core could delete "
            "nothing there."
        )


def _authorize(prefix: str, action: int, first: str | None, second: str | None, *_: str | None) -> int:
    """The authorizer of SQLite. What a COMMIT in the middle had kept could not be taken back; and a plugin makes,
    changes and drops nothing but its own."""
    if action == sqlite3.SQLITE_TRANSACTION:
        return sqlite3.SQLITE_DENY
    if prefix and (action == sqlite3.SQLITE_ATTACH or (action == sqlite3.SQLITE_PRAGMA and second)):
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_ALTER_TABLE:
        touched = [second]
    elif action in _ON_A_TABLE:
        touched = [first, second]
    elif action in _SCHEMA_ACTIONS or action in _ROW_ACTIONS:
        touched = [first]
    else:
        touched = []
    is_own = all((name or "").startswith((prefix, "sqlite_")) for name in touched)
    return sqlite3.SQLITE_OK if is_own else sqlite3.SQLITE_DENY


def _reason(error: Exception, prefix: str) -> str:
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_AUTH:
        own = f", and touches only what is named {prefix}…" if prefix else ""
        return f"a migration must not begin or end a transaction{own}"
    return str(error)


def _statements(script: str) -> Iterator[tuple[int, str]]:
    """Each statement of a script with the line it begins on (`executescript` would commit first)."""
    statement, start = "", 1
    for number, line in enumerate(script.splitlines(keepends=True), 1):
        if not statement.strip():
            statement, start = "", number
        statement += line
        if sqlite3.complete_statement(statement):
            yield start, statement
            statement = ""
    if statement.strip():
        yield start, statement


def _applied(connection: sqlite3.Connection, component: Component) -> dict[str, str]:
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'migrations'").fetchone():
        return {}
    return dict(connection.execute(_APPLIED, (component.name,)).fetchall())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
