"""What the SQL of a plugin may use: its own tables, and the core's public views, whose names begin with `eventorg_`.

A plugin's SQL is compiled in a scratch database that has these and nothing else. SQLite's authorizer is the second line
of defense: it does not see a read behind a table expression that has the name of a view, for example.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Final

PREFIX: Final = "eventorg_"
"""The names of the public views begin with this."""

_VIEW_OF: Final = {
    "change_audience": "eventorg_audience",
    "changes": "eventorg_changes",
    "deliveries": "eventorg_deliveries",
    "event_hosts": "eventorg_hosts",
    "events": "eventorg_events",
    "plugins": "eventorg_positions",
    "registrations": "eventorg_registrations",
    "rsvps": "eventorg_rsvps",
    "telegram_identities": "eventorg_contacts",
    "users": "eventorg_users",
}
_MISSING: Final = re.compile(r"no such table: (?:main\.)?(\w+)")
_WRITES: Final = frozenset((sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE))
_NOT_FOR_PLUGINS: Final = frozenset(
    (
        sqlite3.SQLITE_ATTACH,
        sqlite3.SQLITE_DETACH,
        sqlite3.SQLITE_PRAGMA,
        sqlite3.SQLITE_SAVEPOINT,
        sqlite3.SQLITE_TRANSACTION,
    )
)
_VIEWS: Final = "SELECT name FROM sqlite_master WHERE type = 'view' AND substr(name, 1, length(:prefix)) = :prefix"
_USES: Final = {
    "view": ('EXPLAIN SELECT * FROM "{name}"',),
    "table": (
        'EXPLAIN INSERT INTO "{name}" DEFAULT VALUES',
        'EXPLAIN UPDATE "{name}" SET {values}',
        'EXPLAIN DELETE FROM "{name}"',
    ),
}
"""Statements that compile a view, and all triggers of a table."""
_VIRTUAL: Final = "SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL%' AND name GLOB :prefix || '*'"
_PARENTS: Final = """
SELECT keys."table", coalesce(keys."to", columns.name)
FROM sqlite_master AS tables
JOIN pragma_foreign_key_list(tables.name) AS keys
LEFT JOIN pragma_table_info(keys."table") AS columns ON columns.pk > 0
WHERE tables.type = 'table' AND substr(tables.name, 1, length(:prefix)) = :prefix
"""
_TABLES_AND_VIEWS: Final = """
SELECT name, type
FROM sqlite_master
WHERE type IN ('table', 'view') AND substr(name, 1, length(:prefix)) = :prefix
"""
_OWN: Final = """
SELECT name, sql
FROM sqlite_master
WHERE sql IS NOT NULL AND substr(tbl_name, 1, length(:prefix)) = :prefix
ORDER BY sql NOT LIKE 'CREATE VIRTUAL%', type <> 'table', type <> 'index', rowid
"""


class Access:
    """Authorizes the actions of a statement for SQLite. A component with a prefix writes only to its own tables, and
    reads only these and the public views."""

    def __init__(self, connection: sqlite3.Connection, prefix: str) -> None:
        self._prefix = prefix
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'view'")
        self._views = {name for (name,) in rows if not name.startswith(prefix)} if prefix else set()
        parents = connection.execute(_PARENTS, {"prefix": prefix}) if prefix else ()
        self._parents = {(table, column) for table, column in parents}
        self.is_writing = False
        """True if the last statement writes."""
        self.refusal: str | None = None
        """The reason for which the last statement is refused."""

    def begin(self) -> None:
        """Begins with another statement."""
        self.is_writing, self.refusal = False, None

    def __call__(self, action: int, table: str | None, column: str | None, _: str | None, source: str | None) -> int:
        name = table or ""
        if self._prefix and action in _NOT_FOR_PLUGINS:
            return self._refuse("a plugin does not attach files, use PRAGMA, or begin and end transactions")
        if action in _WRITES:
            self.is_writing = True
            if not name.startswith(self._prefix):
                return self._refuse(f"a plugin writes only to tables named {self._prefix}…")
        elif action == sqlite3.SQLITE_READ and self._prefix and column and not self._may_read(name, column, source):
            return self._refuse(explain_read(name, self._prefix))
        return sqlite3.SQLITE_OK

    def _may_read(self, table: str, column: str, source: str | None) -> bool:
        """Returns true for an own table, a public view, what such a view reads itself, and the keys that own tables
        refer to."""
        own = table.startswith((self._prefix, PREFIX)) or table in ("", "json_each", "json_tree")
        return own or source in self._views or (table, column) in self._parents

    def _refuse(self, reason: str) -> int:
        self.refusal = self.refusal or reason
        return sqlite3.SQLITE_DENY


def explain_read(table: str, prefix: str) -> str:
    """Returns the reason for which a plugin may not read a table, and the view to read instead."""
    view = _VIEW_OF.get(table)
    use = f"use {view} in place of {table}" if view else f"none of them has what is in {table}"
    return f"a plugin reads only tables named {prefix}… and the views named {PREFIX}…; {use}"


def explain_missing(error: Exception, known: frozenset[str], prefix: str) -> str | None:
    """Returns the reason if an error of the scratch database is that it lacks a table that is known to exist."""
    missing = _MISSING.search(str(error))
    return explain_read(missing[1], prefix) if missing and missing[1] in known else None


def compile_schema(scratch: sqlite3.Connection, prefix: str) -> Iterator[tuple[str, sqlite3.Error]]:
    """Yields the views and the tables with triggers that cannot be compiled, each with the error."""
    for name, kind in scratch.execute(_TABLES_AND_VIEWS, {"prefix": prefix}).fetchall():
        for use in _USES[kind]:
            try:
                columns = scratch.execute(f'PRAGMA table_info("{name}")').fetchall()
                values = ", ".join(f'"{row[1]}" = "{row[1]}"' for row in columns)
                scratch.execute(use.format(name=name, values=values))
            except sqlite3.Error as error:
                yield name, error


def tables_of(connection: sqlite3.Connection) -> frozenset[str]:
    """Returns the names of all tables and views of a database."""
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
    return frozenset(name for (name,) in rows) | {"sqlite_master", "sqlite_schema", "sqlite_sequence"}


def connect_virtual_tables(connection: sqlite3.Connection, prefix: str) -> None:
    """Uses each virtual table of a component once. At its first use, SQLite writes to its own tables."""
    connection.execute("SELECT 1 FROM json_each('[]'), json_tree('[]')")
    for (name,) in connection.execute(_VIRTUAL, {"prefix": prefix}).fetchall():
        connection.execute(f'PRAGMA table_info("{name}")')


@contextmanager
def scratch_database(connection: sqlite3.Connection, prefix: str) -> Iterator[sqlite3.Connection]:
    """Yields an empty database in memory that has the public views as tables, and the tables, indexes, triggers and
    views whose names begin with a prefix."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as scratch:
        for (view,) in connection.execute(_VIEWS, {"prefix": PREFIX}).fetchall():
            columns = ", ".join(f'"{row[1]}"' for row in connection.execute(f"PRAGMA table_info({view})"))
            scratch.execute(f"CREATE TABLE {view} ({columns})")
        for name, sql in connection.execute(_OWN, {"prefix": prefix}).fetchall():
            if not scratch.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (name,)).fetchone():
                scratch.execute(sql)  # the tables behind a virtual table exist already
        yield scratch
