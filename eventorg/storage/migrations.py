"""Applies the numbered SQL files of the components: each once, and all pending ones together or none.

The table `migrations` records each file by name and SHA-256. A released file is never edited: a file whose hash differs
is refused, and so is a database with a file that this program does not have.
"""

import hashlib
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from msgspec import Struct

from eventorg.domain.normal_forms import email_key, name_key
from eventorg.errors import OperatorError
from eventorg.storage.public_views import (
    compile_schema,
    explain_missing,
    scratch_database,
    tables_of,
)

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


_READING_THE_CORE = frozenset(("cc6f92ef4a926d9d31ec9719e13b65d9b2f470947ccba6afa98acc694d4f19fc",))
"""The SHA-256 of a file of 0.1.0 that reads a table of the core. A released file cannot change."""


class MigrationError(OperatorError):
    """The schema cannot be brought up to date; the database is unchanged."""


class NewerSchema(MigrationError):
    """The database has a `migration` that this program does not have."""

    def __init__(self, component: str, migration: str, way_back: str = "restore a backup") -> None:
        self.migration = migration
        super().__init__(
            f"A newer version of {component} has changed the database: it has the unknown migration {migration}. "
            f"Install that version, or {way_back}."
        )


class Component(Struct, frozen=True):
    """The migrations of the core or of a plugin: `0001_name.sql` and so on, in `folder`. Their tables begin with
    `prefix`."""

    name: str
    folder: Path
    prefix: str = ""

    def files(self) -> list[Path]:
        """Returns the migrations in the order they are applied. Raises `MigrationError` for a malformed name."""
        files = sorted(self.folder.glob("*.sql"))
        for file in files:
            if not _NAME.fullmatch(file.name):
                raise MigrationError(f"Rename the migration {file} to a name such as 0001_initial.sql.")
        return files


BeforeMigrations = Callable[[list[tuple[Component, list[str]]]], None]
"""Receives each component that has pending files, with their names."""


def check_history(connection: sqlite3.Connection, component: Component) -> None:
    """Raises `MigrationError` if a newer program or an edited file changed the database. Only reads."""
    known = {file.name: _sha256(file.read_bytes()) for file in component.files()}
    for name, sha256 in _applied(connection, component).items():
        if name not in known:
            raise NewerSchema(component.name, name)
        if known[name] != sha256:
            raise MigrationError(
                f"The migration {name} of {component.name} has changed since it was applied. Restore the original "
                "file, and add a new migration for the change."
            )


def find_pending(connection: sqlite3.Connection, component: Component) -> list[str]:
    """Returns the files of a component that are not applied yet, in order. Only reads. Raises `MigrationError`."""
    applied = _applied(connection, component)
    return [file.name for file in component.files() if file.name not in applied]


def migrate(
    connection: sqlite3.Connection, components: list[Component], now: str, before: BeforeMigrations | None = None
) -> list[str]:
    """Applies every pending file of all components in one transaction, and returns `<component>/<file>` for each.

    Several programs can call this at once: one applies everything, the others find nothing to do. If something fails,
    the database stays as it was. `connection` is in autocommit mode; `now` is an RFC 3339 time. Before the first file,
    `before` is called with each component and its pending files while no other program can write. Raises
    `MigrationError`.
    """
    connection.create_function("name_key", 1, name_key, deterministic=True)  # of migration 0009
    connection.create_function("address_key", 1, email_key, deterministic=True)
    connection.execute("BEGIN IMMEDIATE")
    try:
        pending = []
        for component in components:
            check_history(connection, component)
            if names := find_pending(connection, component):
                pending.append((component, names))
        if pending:
            if before is not None:
                before(pending)
            connection.execute(_CREATE)
        for component, names in pending:
            for name in names:
                _apply(connection, component, name, now)
        connection.execute("COMMIT")
        return [f"{component.name}/{name}" for component, names in pending for name in names]
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _apply(connection: sqlite3.Connection, component: Component, name: str, now: str) -> None:
    file = component.folder / name
    content = file.read_bytes()
    _run(connection, file, content, component.prefix)
    connection.execute(_REMEMBER, (component.name, name, _sha256(content), now))


def _run(connection: sqlite3.Connection, file: Path, content: bytes, prefix: str) -> None:
    try:
        statements = list(_statements(content.decode()))
    except UnicodeDecodeError as error:
        raise MigrationError(f"{file} is not UTF-8: {error}.") from None
    with scratch_database(connection, prefix) if prefix else nullcontext() as scratch:
        connection.set_authorizer(partial(_authorize, prefix))
        try:
            for line, statement in statements:
                try:
                    connection.execute(statement)
                except (sqlite3.Error, sqlite3.Warning) as error:
                    raise MigrationError(f"{file}:{line}: {_reason(error, prefix)}.") from error
        finally:
            connection.set_authorizer(None)
        if scratch is not None and _sha256(content) not in _READING_THE_CORE:
            _try_apart(scratch, file, statements, prefix, tables_of(connection))
    for table, other in connection.execute(_HOLDING_BACK, {"prefix": prefix}) if prefix else ():
        raise MigrationError(
            f"{file}: {table} refers to {other} without ON DELETE CASCADE or SET NULL. The core could then not "
            f"delete rows of {other}."
        )


def _try_apart(
    scratch: sqlite3.Connection, file: Path, statements: list[tuple[int, str]], prefix: str, known: frozenset[str]
) -> None:
    """Applies a plugin's file without the tables of the core. Raises `MigrationError` if it reads one of them."""
    for line, statement in statements:
        try:
            scratch.execute(statement)
        except sqlite3.Error as error:
            reason = explain_missing(error, known, prefix) or str(error)
            raise MigrationError(f"{file}:{line}: {reason}.") from error
    for name, fault in compile_schema(scratch, prefix):
        if core_table := explain_missing(fault, known, prefix):
            raise MigrationError(f"{file}: {name}: {core_table}.")


def _authorize(prefix: str, action: int, first: str | None, second: str | None, *_: str | None) -> int:
    """Authorizes an action for SQLite. A COMMIT in a file could not be undone, so it is denied. A plugin can create,
    change and drop only its own tables."""
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
        own = f", and must change only tables whose names begin with {prefix}" if prefix else ""
        return f"a migration must not begin or end a transaction{own}"
    return str(error).removesuffix(".")  # some of them have one


def _statements(script: str) -> Iterator[tuple[int, str]]:
    """Yields each statement of a script with the line it begins on. (`executescript` would commit first.)"""
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
