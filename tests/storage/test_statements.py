"""SQL files: what aiosql would let pass is an error that begins with file and line."""

import importlib
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest

from eventorg import repositories
from eventorg.package_data import data_folder
from eventorg.storage.schema import check_statements, core_component, prepare
from eventorg.storage.sqlite import connect_writer
from eventorg.storage.statements import StatementError, Statements
from eventorg.testing import Clock


def load(folder: Path, **files: str) -> Statements:
    """The statements of some files, each compiled against a table of notes."""
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


WRITING = {
    "add_note": "INSERT INTO notes (text) VALUES ('')",
    "change_notes": "UPDATE notes SET text = ''",
    "delete_notes": "DELETE FROM notes",
}


@pytest.mark.parametrize("name", WRITING)
def test_a_prefix_bounds_what_is_written_and_not_what_is_read(tmp_path: Path, name: str) -> None:
    sql = load(tmp_path, a=GET_NOTE, notes=f"-- name: {name}()!\n{WRITING[name]};\n")
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")
        sql.check(connection, "note")
        with pytest.raises(StatementError, match=f"notes.sql:1: {name}: a plugin writes only to tables named tea_…"):
            sql.check(connection, "tea_")


def test_a_statement_nobody_uses_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sql = load(tmp_path, notes=GET_NOTE + "-- name: list_notes()\nSELECT text FROM notes;\n")
    file = tmp_path / "notebook.py"
    source = """
class Notes:
    def get(self):
        return self.read(lambda tx: tx.one(self._sql.get_note))

    @staticmethod
    @print
    def list():
        return None
"""
    file.write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "notebook", raising=False)
    package = importlib.import_module("notebook")
    with pytest.raises(StatementError, match="list_notes is used nowhere") as error:
        sql.check_used(package)
    assert str(error.value).startswith(f"{tmp_path}/notes.sql:3: ")
    file.write_text(source.replace("return None", "return sql.list_notes"))
    sql.check_used(package)


def test_a_module_without_code_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    package = ModuleType("notebook")
    monkeypatch.setitem(sys.modules, "notebook", package)
    with pytest.raises(StatementError, match=r"^notebook has no code to look for statements in\.$"):
        Statements().check_used(package)


def test_the_statements_that_come_along_compile_and_are_used(tmp_path: Path) -> None:
    path = tmp_path / "eventorg.db"
    prepare(path, [core_component()], Clock())
    sql = Statements(data_folder("sql"))
    check_statements(path, sql)
    sql.check_used(repositories)
    with closing(connect_writer(path)) as connection:
        connection.execute("DROP TABLE changes")
    with pytest.raises(StatementError, match="record_change: no such table: changes"):
        check_statements(path, sql)
