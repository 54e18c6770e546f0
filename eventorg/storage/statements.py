"""Loads the named statements of the SQL files and compiles each of them at start-up.

aiosql reads the files. It accepts a name that is used twice, a name for two statements, and a statement that SQLite
cannot compile; these are errors here, with file and line.
"""

import re
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

from aiosql.adapters.sqlite3 import SQLite3Adapter
from aiosql.query_loader import QueryLoader
from aiosql.utils import SQLLoadException, SQLParseException
from msgspec import Struct, structs

from eventorg.errors import OperatorError
from eventorg.storage.public_views import (
    Access,
    connect_virtual_tables,
    explain_missing,
    scratch_database,
    tables_of,
)


class StatementError(OperatorError):
    """An SQL file is wrong; the message begins with file and line."""


class Statement(Struct, frozen=True, eq=False):
    """A named statement: `parameters` are the names it takes, `place` is its file and line."""

    name: str
    sql: str
    parameters: tuple[str, ...]
    place: str
    only_reads: bool = False
    """True for a statement that was compiled and does not write."""


class Statements:
    """The statements of a component by name: `sql.get_event` is the statement named `get_event`."""

    def __init__(self, folder: Path | None = None) -> None:
        self._by_name: dict[str, Statement] = {}
        for file in sorted(folder.glob("*.sql")) if folder else ():
            for statement in _read(file):
                if other := self._by_name.get(statement.name):
                    raise StatementError(f"{statement.place}: {statement.name} stands at {other.place} too.")
                self._by_name[statement.name] = statement

    def __getattr__(self, name: str) -> Statement:
        try:
            return self._by_name[name]
        except KeyError:
            raise AttributeError(f"no SQL file has a statement named {name}") from None

    def __iter__(self) -> Iterator[Statement]:
        return iter(self._by_name.values())

    def check(self, connection: sqlite3.Connection, prefix: str = "") -> None:
        """Compiles each statement with every parameter bound, and notes which of them only read.

        Raises `StatementError`. With a prefix, the statements are those of a plugin: `eventorg.storage.public_views`
        says what they may use.
        """
        connect_virtual_tables(connection, prefix)
        access = Access(connection, prefix)
        connection.set_authorizer(access)
        try:
            for statement in self:
                access.begin()
                try:
                    _compile(connection, statement)
                except (sqlite3.Error, sqlite3.Warning) as error:
                    raise StatementError(
                        f"{statement.place}: {statement.name}: {access.refusal or _words(error)}."
                    ) from None
                if not access.is_writing:
                    self._by_name[statement.name] = structs.replace(statement, only_reads=True)
        finally:
            connection.set_authorizer(None)
        vars(self).update(self._by_name)  # as attributes, they are found without `__getattr__`
        if prefix:
            self._check_apart(connection, prefix)

    def _check_apart(self, connection: sqlite3.Connection, prefix: str) -> None:
        """Compiles each statement without the tables of the core. Raises `StatementError`."""
        known = tables_of(connection)
        with scratch_database(connection, prefix) as scratch:
            for statement in self:
                try:
                    _compile(scratch, statement)
                except (sqlite3.Error, sqlite3.Warning) as error:
                    reason = explain_missing(error, known, prefix) or _words(error)
                    raise StatementError(f"{statement.place}: {statement.name}: {reason}.") from None


def any_rows(name: str, conditions: Mapping[int, Statement]) -> Statement:
    """Returns a statement that has a row with the `number` of each condition that has one."""
    parts = [
        f"SELECT {number} AS number WHERE EXISTS (\n{each.sql.strip().removesuffix(';')}\n)"
        for number, each in conditions.items()
    ]
    parameters = {parameter for each in conditions.values() for parameter in each.parameters}
    place = ", ".join(each.place for each in conditions.values())
    return Statement(name, "\nUNION ALL\n".join(parts), tuple(sorted(parameters)), place, only_reads=True)


def _compile(connection: sqlite3.Connection, statement: Statement) -> None:
    connection.execute(f"EXPLAIN {statement.sql}", dict.fromkeys(statement.parameters)).fetchall()


def _words(error: Exception) -> str:
    """Returns the text of an error without the full stop that some of them have."""
    return str(error).removesuffix(".")


def _read(file: Path) -> Iterator[Statement]:
    loader = QueryLoader(SQLite3Adapter(), None)  # type: ignore[no-untyped-call]
    try:
        data = loader.load_query_data_from_file(file, encoding="utf-8")
    except (SQLParseException, SQLLoadException) as error:
        place = re.search(rf"{re.escape(str(file))}:\d+", str(error))
        raise StatementError(f"{place[0] if place else file}: {error}.") from None
    for query in data:
        path, line = query.floc
        if query.signature is None:
            raise StatementError(f"{path}:{line}: {query.query_name} is a script; only single statements have a name.")
        parameters = tuple(name for name in query.signature.parameters if name != "self")
        yield Statement(query.query_name, query.sql, parameters, f"{path}:{line}")
