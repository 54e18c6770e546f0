"""Backups: a file of one's own that opens, checks and serves, or nothing at all."""

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from eventorg.backups.backup import back_up
from eventorg.errors import OperatorError
from eventorg.settings import Settings
from eventorg.storage import copies as copying
from eventorg.storage.schema import core_component, find_faults, prepare
from eventorg.storage.sqlite import connect_reader
from eventorg.testing import Clock, Server, running


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "served" / "eventorg.db"
    path.parent.mkdir()
    prepare(path, [core_component()], Clock())
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "backups"
    folder.mkdir()
    return folder / "monday.db"


def test_a_backup_under_writes_is_whole_and_serves(fresh_server: Server, target: Path) -> None:
    user = fresh_server.sign_up()
    before = [user.create_event(title=f"before {number}")["id"] for number in range(20)]
    stop = threading.Event()

    def go_on_writing() -> None:
        while not stop.is_set():
            user.create_event()

    writers = [threading.Thread(target=go_on_writing) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        back_up(fresh_server.settings.database_path, target)
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert [file.name for file in target.parent.iterdir()] == ["monday.db"]
    assert target.stat().st_mode & 0o777 == 0o600
    assert find_faults(target, [core_component()]) == []
    with closing(connect_reader(target)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "delete"
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    with running(Settings(plugins="none", database=str(target), log_level="error")) as restored:
        assert all(restored.client.get(f"/events/{event_id}").status_code == 200 for event_id in before)
        restored.log_in(user.account["email"])


def test_it_tells_how_far_it_is(database: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "PAGES_A_STEP", 5)
    told: list[tuple[str, int, int]] = []
    back_up(database, target, lambda *how_far: told.append(how_far))
    assert [told.pop(), told.pop()] == [("checking", 1, 1), ("checking", 0, 1)]
    pages = told[-1][2]
    assert told == [("copying", done, pages) for done in (*range(5, pages, 5), pages)]


def test_a_file_that_exists_is_left_alone(database: Path, target: Path) -> None:
    target.write_text("precious")
    with pytest.raises(OperatorError, match=r"already exists\. eventorg does not overwrite files"):
        back_up(database, target)
    assert target.read_text() == "precious"
    assert [file.name for file in target.parent.iterdir()] == ["monday.db"]


def test_a_file_that_comes_meanwhile_is_left_alone(database: Path, target: Path) -> None:
    def come(what: str, done: int, total: int) -> None:
        target.write_text("precious")

    with pytest.raises(OperatorError, match=r"already exists\. eventorg does not overwrite files"):
        back_up(database, target, come)
    assert target.read_text() == "precious"
    assert [file.name for file in target.parent.iterdir()] == ["monday.db"]


@pytest.mark.parametrize("name", ["monday.db", "monday [1].db", "*.db"])
def test_a_failure_leaves_nothing(database: Path, target: Path, name: str) -> None:
    def fail(what: str, done: int, total: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OperatorError, match=r"could not be written: .*No space left on device"):
        back_up(database, target.with_name(name), fail)
    assert list(target.parent.iterdir()) == []


def test_another_backups_draft_is_left_alone(database: Path, target: Path) -> None:
    other = target.with_name(".monday.db.0123abcd")
    other.write_text("another's")
    back_up(database, target)
    assert other.read_text() == "another's"


def test_a_damaged_database_makes_no_backup(database: Path, target: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("INSERT INTO event_hosts VALUES ('no event', 'no user', 'now', NULL)")
        connection.commit()
    with pytest.raises(OperatorError, match="is not usable: a row of event_hosts refers to a row of"):
        back_up(database, target)
    assert list(target.parent.iterdir()) == []


def test_without_a_database_there_is_no_backup(tmp_path: Path, target: Path) -> None:
    with pytest.raises(OperatorError, match=r"The database .*missing\.db does not exist"):
        back_up(tmp_path / "missing.db", target)
    assert list(target.parent.iterdir()) == []


def test_a_folder_that_is_missing_is_refused(database: Path, target: Path) -> None:
    with pytest.raises(OperatorError, match=r"The folder .*missing for the backup does not exist\. Create it first\.$"):
        back_up(database, target.parent / "missing" / "monday.db")
    assert os.listdir(target.parent) == []
