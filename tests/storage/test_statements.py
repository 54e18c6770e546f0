"""SQL files: errors that aiosql accepts are reported with file and line."""

import ast
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from eventorg.domain.events import STORED_FIELDS, Event
from eventorg.package_data import data_folder
from eventorg.storage.migrations import Component
from eventorg.storage.schema import check_statements, core_component, prepare
from eventorg.storage.sqlite import connect_writer
from eventorg.storage.statements import StatementError, Statements
from eventorg.testing import Clock
from tests.programs import CHECKOUT


def load(folder: Path, **files: str) -> Statements:
    """Returns the statements of some files, compiled against a table of notes."""
    for name, script in files.items():
        (folder / f"{name}.sql").write_text(script)
    statements = Statements(folder)
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")
        statements.check(connection)
    return statements


def test_a_statement_knows_its_parameters_and_its_place(tmp_path: Path) -> None:
    sql = load(
        tmp_path, notes="-- name: get_note(note_id)^\n-- By id.\nSELECT text\nFROM notes\nWHERE id = :note_id;\n"
    )
    assert sql.get_note.parameters == ("note_id",)
    assert sql.get_note.place == f"{tmp_path}/notes.sql:1"
    assert [statement.name for statement in sql] == ["get_note"]
    with pytest.raises(AttributeError, match="no SQL file has a statement named get_notes"):
        _ = sql.get_notes


def test_files_are_utf_8_wherever_they_are_read(tmp_path: Path) -> None:
    (tmp_path / "notes.sql").write_text("-- name: get_word()^\nSELECT 'чай' AS word;\n", encoding="utf-8")
    program = f"from eventorg.storage.statements import Statements, Path; print(ascii(Statements(Path({str(tmp_path)!r})).get_word.sql[8:11]))"  # noqa: E501
    plain = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    run = subprocess.run([sys.executable, "-c", program], env=os.environ | plain, capture_output=True, check=True)
    assert run.stdout.decode().strip() == ascii("чай")


GET_NOTE = "-- name: get_note(note_id)^\nSELECT text FROM notes WHERE id = :note_id;\n"
BROKEN = {
    "a name that stands twice in a file": ({"notes": GET_NOTE + GET_NOTE}, "notes.sql:3: ", "get_note"),
    "a name that stands in two files": ({"a": GET_NOTE, "b": GET_NOTE}, "b.sql:1: ", "a.sql:1"),
    "SQL that is none": ({"notes": "-- name: list_notes()\nSELEKT 1;\n"}, "notes.sql:1: ", "syntax error"),
    "a table that is not there": (
        {"notes": "-- name: list_notes()\nSELECT 1 FROM x;\n"},
        "notes.sql:1: ",
        "no such table",
    ),
    "two statements under one name": (
        {"notes": GET_NOTE + "-- name: list_notes()\nSELECT 1;\nSELECT 2;\n"},
        "notes.sql:3: ",
        "one statement at a time",
    ),
    "a parameter that is not listed": (
        {"notes": "-- name: get_note(id)^\nSELECT text FROM notes WHERE id = :note_id;\n"},
        "notes.sql:",
        "note_id",
    ),
    "no list of parameters": (
        {"notes": "-- name: get_note^\nSELECT text FROM notes WHERE id = :note_id;\n"},
        "notes.sql:1: ",
        "parameters",
    ),
    "a name that is none": ({"notes": "-- name: get note()\nSELECT 1;\n"}, "notes.sql:1: ", "name"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_it_is_refused_with_file_and_line(tmp_path: Path, case: str) -> None:
    files, place, reason = BROKEN[case]
    with pytest.raises(StatementError) as error:
        load(tmp_path, **files)
    assert str(error.value).startswith(f"{tmp_path}/{place}")
    assert reason in str(error.value)
    assert not str(error.value).endswith("..")


WRITING = {
    "add_note": "INSERT INTO notes (text) VALUES ('')",
    "change_notes": "UPDATE notes SET text = ''",
    "delete_notes": "DELETE FROM notes",
}


@pytest.mark.parametrize("name", WRITING)
def test_a_prefix_bounds_what_is_written(tmp_path: Path, name: str) -> None:
    sql = load(tmp_path, notes=f"-- name: {name}()!\n{WRITING[name]};\n")
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")
        sql.check(connection, "note")
        with pytest.raises(StatementError, match=f"notes.sql:1: {name}: a plugin writes only to tables named tea_…"):
            sql.check(connection, "tea_")


def test_a_statement_that_only_reads_is_noted(tmp_path: Path) -> None:
    added = "-- name: add_note()^\nWITH a AS (SELECT 1) INSERT INTO notes (text) SELECT 'a' FROM a RETURNING id;\n"
    sql = load(tmp_path, notes=GET_NOTE + added)
    assert {statement.name: statement.only_reads for statement in sql} == {"get_note": True, "add_note": False}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of the core, in which the plugin `tea` has a table."""
    folder = tmp_path_factory.mktemp("tea")
    (folder / "0001_cups.sql").write_text("CREATE TABLE tea_cups (user_id TEXT REFERENCES users ON DELETE CASCADE);")
    path = folder / "eventorg.db"
    prepare(path, [core_component(), Component("tea", folder, "tea_")], Clock())
    return path


ALLOWED = {
    "a view": "SELECT title FROM eventorg_events",
    "a count of a view": "SELECT count(*) FROM eventorg_registrations",
    "a view with an own table": "SELECT 1 FROM tea_cups JOIN eventorg_users ON eventorg_users.id = tea_cups.user_id",
    "a write that refers to a user": "INSERT INTO tea_cups (user_id) SELECT id FROM eventorg_users",
    "a table expression": "WITH users AS (SELECT 1 AS id) SELECT id FROM users",
    "values of a parameter": "SELECT value FROM json_each('[1]')",
}


@pytest.mark.parametrize("case", ALLOWED)
def test_a_plugin_reads_views_and_its_own_tables(served: Path, tmp_path: Path, case: str) -> None:
    (tmp_path / "tea.sql").write_text(f"-- name: pour()\n{ALLOWED[case]};\n")
    check_statements(served, Statements(tmp_path), "tea_")


REFUSED = {
    "a table": ("SELECT title FROM events", "use eventorg_events in place of events"),
    "a count of a table": ("SELECT count(*) FROM users", "use eventorg_users in place of users"),
    "a table behind a table expression with the name of a view": (
        "WITH eventorg_users AS (SELECT email AS id FROM users) SELECT id FROM eventorg_users",
        "use eventorg_users in place of users",
    ),
    "a column that no view has": ("SELECT email FROM eventorg_users", "no such column: email"),
    "a table without a view": ("SELECT user_id FROM user_blocks", "none of them has what is in user_blocks"),
    "a view that is the core's own": ("SELECT id FROM ending_events", "none of them has what is in ending_events"),
    "SQLite's own table": ("SELECT name FROM sqlite_master", "none of them has what is in sqlite_master"),
    "an own row that is chosen by a table": (
        "DELETE FROM tea_cups WHERE user_id IN (SELECT user_id FROM event_hosts)",
        "use eventorg_hosts in place of event_hosts",
    ),
    "the columns of a table": ("PRAGMA table_info(users)", "does not attach files, use PRAGMA"),
    "a setting of the file": ("PRAGMA synchronous = OFF", "does not attach files, use PRAGMA"),
    "another file": ("ATTACH ':memory:' AS other", "does not attach files"),
    "the end of the transaction": ("COMMIT", "begin and end transactions"),
    "a part of the transaction": ("SAVEPOINT tea", "begin and end transactions"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_plugin_reads_nothing_else(served: Path, tmp_path: Path, case: str) -> None:
    sql, reason = REFUSED[case]
    (tmp_path / "tea.sql").write_text(f"-- name: pour()\n{sql};\n")
    with pytest.raises(StatementError, match=re.escape(reason)):
        check_statements(served, Statements(tmp_path), "tea_")


def test_the_authorizer_alone_refuses_a_table(served: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Statements, "_check_apart", lambda *_: None)
    (tmp_path / "tea.sql").write_text("-- name: pour()\nSELECT first_name FROM users;\n")
    with pytest.raises(StatementError, match="use eventorg_users in place of users"):
        check_statements(served, Statements(tmp_path), "tea_")


FOLDERS = {
    "core": (CHECKOUT / "sql", CHECKOUT / "eventorg" / "repositories"),
    "template": (CHECKOUT / "eventorg" / "extensions" / "template" / "sql", CHECKOUT / "eventorg/extensions/template"),
    **{folder.parent.name: (folder, folder.parent) for folder in sorted((CHECKOUT / "plugins").glob("*/sql"))},
}
"""The SQL files of each component and the code that uses them."""


def used_statements(folder: Path) -> set[str]:
    """Returns the names that the code of a component reads from its statements, as in `self._sql.get_event`, and those
    that its gates name, as in `applies="is_member"`."""
    nodes = [
        node
        for file in folder.rglob("*.py")
        if "tests" not in file.relative_to(folder).parts
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    ]
    read = {node.attr for node in nodes if isinstance(node, ast.Attribute) and ast.unparse(node.value).endswith("sql")}
    named = {
        str(node.value.value)
        for node in nodes
        if isinstance(node, ast.keyword) and node.arg == "applies" and isinstance(node.value, ast.Constant)
    }
    return read | named


@pytest.mark.parametrize("component", FOLDERS)
def test_each_statement_is_used_and_each_one_used_exists(component: str) -> None:
    statements, code = FOLDERS[component]
    assert {statement.name for statement in Statements(statements)} == used_statements(code)


def test_an_unused_statement_is_seen(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_notes.py").write_text("context.sql.list_notes")
    (tmp_path / "notes.py").write_text("def get(tx, self):\n    self.list_notes()\n    tx.one(self._sql.get_note)\n")
    assert used_statements(tmp_path) == {"get_note"}


def test_the_statements_that_come_along_compile(tmp_path: Path) -> None:
    path = tmp_path / "eventorg.db"
    prepare(path, [core_component()], Clock())
    sql = Statements(data_folder("sql"))
    check_statements(path, sql)
    with closing(connect_writer(path)) as connection:
        connection.execute("DROP TABLE changes")
    with pytest.raises(StatementError, match="record_change: no such table: changes"):
        check_statements(path, sql)


@pytest.mark.parametrize("name", ["create_event", "get_event"])
def test_the_columns_of_an_event_are_in_the_order_of_its_fields(name: str) -> None:
    sql = getattr(Statements(data_folder("sql")), name).sql
    columns = sql.split("RETURNING")[1] if "RETURNING" in sql else sql.split("SELECT")[1]
    assert tuple(re.findall(r"^    (\w+)[,;]?$", columns, re.MULTILINE)[: len(STORED_FIELDS)]) == STORED_FIELDS
    assert [*Event.__struct_fields__[: len(STORED_FIELDS)]] == [*STORED_FIELDS]
