"""Scheduled backups: in time, verified, and never at the cost of existing files or of serving."""

import json
from pathlib import Path

import pytest

from eventorg.backups.schedule import BackupSchedule
from eventorg.errors import OperatorError
from eventorg.settings import Settings
from eventorg.storage.schema import core_component, find_faults, prepare
from eventorg.testing import Clock, running
from tests.programs import run, sentence, serving


class Backups:
    """A database, a folder for its backups, and a clock."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.database = folder / "eventorg.db"
        self.folder = folder / "backups"
        self.folder.mkdir()
        prepare(self.database, [core_component()], self.clock)
        self.settings = Settings(
            database=str(self.database), plugins="none", backups=str(self.folder), backup_hours=6, backups_kept=3
        )

    def check(self) -> Path | None:
        """As the server does each minute; it may have been started anew in between."""
        return BackupSchedule(self.settings, self.clock).run_if_due()

    @property
    def names(self) -> list[str]:
        return sorted(file.name for file in self.folder.iterdir())


@pytest.fixture
def backups(tmp_path: Path) -> Backups:
    return Backups(tmp_path)


def test_one_is_made_when_the_newest_is_old_enough_also_after_a_restart(backups: Backups) -> None:
    assert backups.check()
    backups.clock.advance(hours=6, seconds=-1)
    assert backups.check() is None
    backups.clock.advance(seconds=1)
    made = backups.check()
    assert backups.names == ["eventorg-20270101T120000Z.db", "eventorg-20270101T180000Z.db"]
    assert made == backups.folder / backups.names[-1]
    assert find_faults(made, [core_component()]) == []


def test_the_oldest_make_room_and_nobody_elses_file_is_touched(backups: Backups) -> None:
    others = {"eventorg-monday.db", "other-20200101T000000Z.db", "eventorg-20200101T000000Z.db.keep"}
    for name in others:
        (backups.folder / name).write_text("precious")
    for _ in range(5):
        assert backups.check()
        backups.clock.advance(hours=6)
    own = {f"eventorg-2027010{time}0000Z.db" for time in ("2T00", "2T06", "2T12")}
    assert set(backups.names) == own | others


def test_nothing_is_removed_for_one_that_fails(backups: Backups, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        backups.check()
        backups.clock.advance(hours=6)
    before = backups.names
    monkeypatch.setattr("eventorg.backups.backup.find_faults", lambda *_: ["it is damaged."])
    with pytest.raises(OperatorError, match="it is damaged"):
        backups.check()
    assert backups.names == before

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.undo()
    monkeypatch.setattr("eventorg.backups.backup.copy_database", full)
    with pytest.raises(OperatorError, match="No space left on device"):
        backups.check()
    assert backups.names == before


def test_what_a_kill_left_half_done_goes_with_the_next(backups: Backups) -> None:
    for name in (".eventorg-20270101T060000Z.db.0123abcd", ".eventorg-20270101T060000Z.db.0123abcd-journal"):
        (backups.folder / name).write_text("half")
    (backups.folder / ".other-20270101T060000Z.db.0123abcd").write_text("another's")
    backups.check()
    assert backups.names == [".other-20270101T060000Z.db.0123abcd", "eventorg-20270101T120000Z.db"]


def test_a_clock_set_back_does_not_stop_them(backups: Backups) -> None:
    backups.clock.advance(days=3650)
    assert backups.check()
    backups.clock.advance(days=-3650)
    assert backups.check()
    assert len(backups.names) == 2


def test_the_server_goes_on_when_a_backup_fails_and_says_so_in_a_line(tmp_path: Path) -> None:
    unfinished = tmp_path / "backups" / ".eventorg-20270101T060000Z.db.0123abcd"
    unfinished.mkdir(parents=True)  # it cannot be removed like the file of a killed process
    with serving(tmp_path / "eventorg.db", backups=str(unfinished.parent)) as server:
        server.wait_for(lambda: "backup_failed" in server.log)
        server.sign_up()
        assert server.client.get("/health").status_code == 200
    assert server.wait() == 0
    (line,) = (record for record in server.records if record["event"] == "backup_failed")
    assert line["level"] == "error"
    assert str(unfinished) in line["error"]
    assert "Traceback" not in json.dumps(server.records)


@pytest.mark.parametrize(
    ("backups", "reason"),
    [
        ("missing", "No such file or directory"),
        ("eventorg.db", "Not a directory"),
        ("/proc", "No such file or directory"),  # to root too, a folder in which nobody can create a file
        ("x" * 300, "File name too long"),
    ],
)
def test_a_folder_that_cannot_be_written_is_refused_at_the_start(tmp_path: Path, backups: str, reason: str) -> None:
    path, folder = tmp_path / "eventorg.db", tmp_path / backups
    prepare(path, [core_component()], Clock())
    before = {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    refused = sentence(run(path, "serve", backups=str(folder)), status=2)
    assert refused == f"Invalid setting EVENTORG_BACKUPS. Cannot write backups to {folder}: {reason}."
    assert {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == before


def test_the_check_of_the_folder_leaves_nothing(backups: Backups) -> None:
    BackupSchedule(backups.settings, backups.clock).check_folder()
    assert backups.names == []


def test_the_server_makes_them(backups: Backups) -> None:
    with running(backups.settings, backups.clock) as server:
        server.wait_for(lambda: len(backups.names) == 1 and backups.names[0].startswith("eventorg-"))
        assert server.client.get("/health").status_code == 200
    assert backups.names == ["eventorg-20270101T120000Z.db"]


def test_a_server_that_stops_waits_for_none(backups: Backups) -> None:
    schedule = BackupSchedule(backups.settings, backups.clock)
    schedule._stopping.set()
    with pytest.raises(OperatorError, match="The server is stopping"):
        schedule.run_if_due()
    assert backups.names == []
