"""Applies the numbered SQL files of a component, each once, whole or not at all.

The table `migrations` remembers each file by name and SHA-256. A file that has landed is never edited: one
whose hash differs is refused, as is a database that knows a file which this program does not have.
"""

import hashlib
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from eventorg.settings import StartError

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
_REMEMBER = "INSERT INTO migrations (component, name, sha256, applied_at) VALUES (?, ?, ?, ?)"


class MigrationError(StartError):
    """The schema cannot be brought up to date; nothing of the failing file was applied."""


class Component(Struct, frozen=True):
    """A set of migrations: the core's, or a plugin's. `folder` holds `0001_name.sql` and so on."""

    name: str
    folder: Path

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
            raise MigrationError(
                f"The database has the migration {name} of {component.name}, which this version does not know: "
                "it was made by a newer eventorg; install that version or restore a backup."
            )
        if known[name] != sha256:
            raise MigrationError(f"The migration {name} of {component.name} was edited after it had been applied.")


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
            _run(connection, file, content)
            connection.execute(_REMEMBER, (component.name, file.name, _sha256(content), now))
            connection.execute("COMMIT")
            done.append(file.name)
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _run(connection: sqlite3.Connection, file: Path, content: bytes) -> None:
    connection.set_authorizer(_keep_transaction)
    try:
        for line, statement in _statements(content.decode()):
            try:
                connection.execute(statement)
            except (sqlite3.Error, sqlite3.Warning) as error:
                raise MigrationError(f"{file}:{line}: {_reason(error)}.") from error
    except UnicodeDecodeError as error:
        raise MigrationError(f"{file} is not UTF-8: {error}.") from None
    finally:
        connection.set_authorizer(None)


def _keep_transaction(action: int, *_: str | None) -> int:
    """The authorizer of SQLite: what a COMMIT in the middle had kept could not be taken back."""
    return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_TRANSACTION else sqlite3.SQLITE_OK


def _reason(error: Exception) -> str:
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_AUTH:
        return "a migration must not begin or end a transaction"
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
