"""A file that cannot be served is refused in one sentence and stays as it was, byte for byte."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from eventorg.errors import OperatorError
from eventorg.storage.schema import core_component, find_faults, owner_lock, prepare
from eventorg.storage.sqlite import connect_writer
from eventorg.testing import Clock
from tests.programs import APP, EVENTORG, run, sentence, serving


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A prepared file without a write-ahead log beside it."""
    path = tmp_path / "eventorg.db"
    prepare(path, [core_component()], Clock())
    return path


def of_another_program(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")


def with_a_damaged_page(path: Path) -> None:
    with closing(connect_writer(path)) as connection:
        values = [(f"id{number}", "x" * 500) for number in range(200)]
        connection.executemany("INSERT INTO changes (at, type, event_id) VALUES ('now', ?, ?)", values)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page = connection.execute("PRAGMA page_count").fetchone()[0] - 5
    with path.open("r+b") as file:
        file.seek(4096 * page)
        file.write(os.urandom(4096))


def with_a_broken_reference(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO event_hosts VALUES ('no event', 'no user', 'now')")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def with_an_edited_migration(path: Path) -> None:
    with closing(connect_writer(path)) as connection:
        connection.execute("UPDATE migrations SET sha256 = 'another'")


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "no database": (lambda path: path.write_text("Dear diary, " * 1_000), "not a valid SQLite database"),
    "another program's": (of_another_program, "this file belongs to another program"),
    "damaged": (with_a_damaged_page, "the file is damaged"),
    "broken reference": (with_a_broken_reference, "a row of event_hosts refers to a row of"),
    "edited migration": (with_an_edited_migration, "0001_initial.sql of eventorg has changed"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_and_left_as_it_was(path: Path, case: str) -> None:
    damage, reason = REFUSED[case]
    damage(path)
    before = path.read_bytes()
    assert reason in sentence(run(path, program=APP))
    assert path.read_bytes() == before
    assert not path.with_name("eventorg.db.secret").exists()


def test_every_command_refuses_in_the_same_words(path: Path) -> None:
    of_another_program(path)
    before = path.read_bytes()
    words = f"Cannot use the database {path}: this file belongs to another program."
    assert [sentence(run(path, command, program=EVENTORG)) for command in ("serve", "migrate")] == [words] * 2
    assert path.read_bytes() == before


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_a_folder_that_is_missing_is_refused(tmp_path: Path, command: str) -> None:
    missing = tmp_path / "missing" / "eventorg.db"
    assert "The folder" in sentence(run(missing, command))
    assert not missing.parent.exists()


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path, command: str) -> None:
    path = tmp_path / "eventorg.db"
    path.mkdir()
    assert str(path) in sentence(run(path, command))
    assert list(path.iterdir()) == []


def test_a_file_where_the_folder_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "The folder" in sentence(run(tmp_path / "file" / "eventorg.db", "serve"))


def test_a_write_ahead_log_that_cannot_be_made_is_refused(path: Path) -> None:
    """The log cannot be created, as in a read-only folder."""
    path.with_name("eventorg.db-wal").mkdir()
    before = path.read_bytes()
    assert str(path) in sentence(run(path, "migrate"))
    assert path.read_bytes() == before


def test_a_lock_that_cannot_be_made_is_refused(path: Path) -> None:
    path.with_name("eventorg.db.lock").mkdir()
    with pytest.raises(OperatorError, match="cannot be locked"), owner_lock(path):
        pass


def test_a_second_server_is_refused_and_the_first_goes_on(path: Path) -> None:
    with serving(path) as first:
        assert sentence(run(path, program=APP)) == f"Another eventorg process is using {path}. Stop it first."
        assert first.client.get("/health").status_code == 200
    assert first.wait() == 0
    with serving(path) as second:
        assert second.client.get("/health").status_code == 200


def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    path = tmp_path / "eventorg.db"
    path.touch()
    assert prepare(path, [core_component()], Clock()) == [f"eventorg/{file.name}" for file in core_component().files()]
    assert prepare(path, [core_component()], Clock()) == []
    assert find_faults(path, [core_component()]) == []


def test_a_database_without_tables_becomes_one_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "eventorg.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 1")
    assert path.stat().st_size > 0
    assert prepare(path, [core_component()], Clock()) == [f"eventorg/{file.name}" for file in core_component().files()]
