"""Restoring: the backup or the file of before, whole, whatever happens in between."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from eventorg.backups.backup import back_up
from eventorg.backups.restore import restore
from eventorg.errors import OperatorError
from eventorg.settings import Settings
from eventorg.storage.ownership import owner_lock
from eventorg.storage.schema import core_component, find_faults, prepare
from eventorg.storage.sqlite import connect_reader, connect_writer
from eventorg.testing import Clock, User, running
from tests.programs import CHECKOUT, run, sentence, serving

ADD = (
    "INSERT INTO users (id, username, username_key, locale, timezone, token_version, version, created_at, updated_at) "
    "VALUES (?1, ?1, ?1, 'ru', 'UTC', 1, 1, 'now', 'now')"
)
COMPONENTS = [core_component()]


def make(path: Path, *users: str) -> Path:
    """A prepared file with these users, some of them perhaps in a write-ahead log as a kill leaves it."""
    path.parent.mkdir(exist_ok=True)
    prepare(path, COMPONENTS, Clock())
    add(path, *users)
    return path


def add(path: Path, *users: str) -> None:
    with closing(connect_writer(path)) as connection:
        for user in users:
            connection.execute(ADD, (user,))


def users(path: Path) -> list[str]:
    with closing(connect_reader(path)) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM users ORDER BY id")]


def leave_in_the_log(path: Path, user: str) -> None:
    """A user who is in the write-ahead log alone, as after a kill."""
    script = "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(*sys.argv[2:3], sys.argv[3:]); "
    script += "c.commit(); os._exit(9)"
    subprocess.run([sys.executable, "-c", script, path, ADD, user], check=False)
    assert path.with_name(path.name + "-wal").stat().st_size > 0


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return make(tmp_path / "served" / "eventorg.db", "old")


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    path = tmp_path / "backups" / "monday.db"
    back_up(make(tmp_path / "elsewhere" / "eventorg.db", "new"), make_folder(path))
    return path


def make_folder(path: Path) -> Path:
    path.parent.mkdir()
    return path


def names(database: Path) -> set[str]:
    return {file.name for file in database.parent.iterdir()} - {"eventorg.db.lock"}


def test_the_backup_takes_the_place_and_the_old_file_is_kept_with_its_log(database: Path, backup: Path) -> None:
    leave_in_the_log(database, "last")
    database.chmod(0o640)
    kept = restore(backup, database, COMPONENTS, Clock())
    assert kept == database.with_name("eventorg.db.before-restore-20270101T120000Z")
    assert users(database) == ["new"]
    assert names(database) == {"eventorg.db", kept.name}
    assert users(kept) == ["last", "old"]
    assert database.stat().st_mode & 0o777 == 0o640
    assert restore(kept, database, COMPONENTS, Clock()) == kept.with_name(f"{kept.name}-1")
    assert users(database) == ["last", "old"]


def test_without_a_database_the_backup_becomes_it_and_no_stale_log_is_read(database: Path, backup: Path) -> None:
    leave_in_the_log(database, "last")
    database.unlink()
    assert restore(backup, database, COMPONENTS, Clock()) is None
    assert users(database) == ["new"]
    assert names(database) == {"eventorg.db", "eventorg.db.before-restore-20270101T120000Z-wal"}


def test_a_damaged_database_is_replaced_too(database: Path, backup: Path) -> None:
    leave_in_the_log(database, "last")
    database.write_bytes(b"x" * 8192)
    kept = restore(backup, database, COMPONENTS, Clock())
    assert kept
    assert kept.read_bytes() == b"x" * 8192
    assert kept.with_name(kept.name + "-wal").exists()
    assert users(database) == ["new"]
    assert find_faults(database, COMPONENTS) == []


def test_a_link_to_the_database_stays_one(database: Path, backup: Path) -> None:
    link = database.parent.parent / "link.db"
    link.symlink_to(database)
    restore(backup, link, COMPONENTS, Clock())
    assert link.is_symlink()
    assert users(database) == ["new"]


def with_a_newer_schema(backup: Path) -> None:
    with closing(sqlite3.connect(backup)) as connection:
        connection.execute("INSERT INTO migrations VALUES ('eventorg', '9999_future.sql', 'x', 'y')")
        connection.commit()


def with_an_index_that_lacks_a_row(backup: Path) -> None:
    with closing(sqlite3.connect(backup)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        sql = "CREATE INDEX idempotency_records_of_user ON idempotency_records (user_id) WHERE false"
        connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'idempotency_records_of_user'", (sql,))
        connection.commit()
    with closing(sqlite3.connect(backup)) as connection:
        connection.execute("INSERT INTO idempotency_records VALUES ('c', 'k', 'f', 'new', 'now', 'r', NULL, NULL)")
        connection.execute("PRAGMA writable_schema = ON")
        sql = "CREATE INDEX idempotency_records_of_user ON idempotency_records (user_id)"
        connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'idempotency_records_of_user'", (sql,))
        connection.commit()


def with_a_miscount(backup: Path) -> None:
    with closing(sqlite3.connect(backup)) as connection:
        connection.execute(
            "INSERT INTO events (id, code, title, start_time, end_time, timezone, organizer_id, waitlist, status, "
            "visibility, search_text, registered_count, waitlisted_count, version, created_at, updated_at) VALUES "
            "('e', 'e', 't', '1', '2', 'UTC', 'new', 1, 'published', 'public', 't', 1, 0, 1, '', '')"
        )
        connection.commit()


def with_a_broken_reference(backup: Path) -> None:
    with closing(sqlite3.connect(backup)) as connection:
        connection.execute("INSERT INTO event_hosts VALUES ('no event', 'no user', 'now', NULL)")
        connection.commit()


def of_another_program(backup: Path) -> None:
    with closing(sqlite3.connect(backup)) as connection:
        connection.execute("PRAGMA application_id = 1")


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "no file": (lambda backup: backup.unlink(), "does not exist or is empty"),
    "an empty file": (lambda backup: backup.write_bytes(b""), "does not exist or is empty"),
    "no database": (lambda backup: backup.write_text("Dear diary, " * 1_000), "file is not a database"),
    "another program's": (of_another_program, "this file belongs to another program"),
    "a newer schema": (with_a_newer_schema, "Install that version"),
    "an index astray": (
        with_an_index_that_lacks_a_row,
        "the file is damaged (row 1 missing from index idempotency_records_of_user",
    ),
    "a miscount": (with_a_miscount, "registered_count is 1 and should be 0"),
    "a broken reference": (with_a_broken_reference, "a row of event_hosts refers to"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_served_is_refused_and_nothing_is_touched(database: Path, backup: Path, case: str) -> None:
    damage, reason = REFUSED[case]
    damage(backup)
    before = database.read_bytes()
    with pytest.raises(OperatorError) as refusal:
        restore(backup, database, COMPONENTS, Clock())
    assert reason in str(refusal.value)
    assert database.read_bytes() == before
    assert names(database) == {"eventorg.db"}


def test_the_database_is_no_backup_of_itself(database: Path) -> None:
    with pytest.raises(OperatorError, match="is the database itself"):
        restore(database, database, COMPONENTS, Clock())


def test_a_full_disk_changes_nothing(database: Path, backup: Path) -> None:
    def fail(what: str, done: int, total: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OperatorError, match=r"could not be replaced and is unchanged: .*No space left"):
        restore(backup, database, COMPONENTS, Clock(), fail)
    assert names(database) == {"eventorg.db"}
    assert users(database) == ["old"]


def test_while_it_is_served_or_open_elsewhere_it_is_refused(
    database: Path, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with owner_lock(database), pytest.raises(OperatorError, match=r"is in use by process \d+ .*\. Stop that process"):
        restore(backup, database, COMPONENTS, Clock())
    monkeypatch.setattr("eventorg.storage.sqlite.BUSY_TIMEOUT_MS", 20)
    with closing(connect_reader(database)) as shell:
        shell.execute("SELECT 1 FROM users").fetchall()
        with pytest.raises(OperatorError, match=r"is open in another program\. Close it first"):
            restore(backup, database, COMPONENTS, Clock())
    assert users(database) == ["old"]
    assert names(database) <= {"eventorg.db", "eventorg.db-wal", "eventorg.db-shm"}


KILLED = """
import os, sys
from pathlib import Path
from eventorg.storage.schema import core_component
from eventorg.backups.restore import restore
from eventorg.testing import Clock

backup, database, steps = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
WATCHED = {"open", "os.link", "os.rename", "os.remove", "os.chmod", "os.chown", "sqlite3.connect"}

def count(event, arguments):
    global steps
    if event in WATCHED:
        steps -= 1
        if steps < 0:
            os._exit(9)

sys.addaudithook(count)
restore(backup, database, [core_component()], Clock())
os._exit(0)
"""


def test_killed_at_any_step_it_leaves_the_one_or_the_other(tmp_path: Path, backup: Path) -> None:
    """One process that forks for each step, and ends before it does the step."""
    forks = KILLED.replace(
        "backup, database, steps =",
        "for steps in range(1000):\n"
        "    folder = Path(sys.argv[2]) / str(steps)\n"
        "    __import__('shutil').copytree(sys.argv[3], folder)\n"
        "    if os.fork() == 0:\n"
        "        break\n"
        "    if os.waitstatus_to_exitcode(os.wait()[1]) == 0:\n"
        "        sys.exit(0)\n"
        "backup, database = Path(sys.argv[1]), folder / 'eventorg.db'\n#",
    )
    (tmp_path / "original").mkdir()
    leave_in_the_log(make(tmp_path / "original" / "eventorg.db", "old"), "last")
    (tmp_path / "killed").mkdir()
    arguments = [str(backup), str(tmp_path / "killed"), str(tmp_path / "original")]
    subprocess.run([sys.executable, "-c", forks, *arguments], check=True, cwd=CHECKOUT)
    outcomes = []
    for folder in sorted((tmp_path / "killed").iterdir(), key=lambda folder: int(folder.name)):
        database = folder / "eventorg.db"
        outcomes.append(users(database))
        assert find_faults(database, COMPONENTS) == []
        if outcomes[-1] == ["new"]:
            (kept,) = (file for file in folder.glob("*.before-restore-*") if not file.name.endswith(("-shm", "-wal")))
            assert users(kept) == ["last", "old"]
        else:  # it can be done again, and leaves no trace of the attempt
            restore(backup, database, COMPONENTS, Clock())
            assert users(database) == ["new"]
            assert not list(folder.glob(".*"))
    assert outcomes == sorted(outcomes)
    assert len(outcomes) > 15
    assert {tuple(outcome) for outcome in outcomes} == {("last", "old"), ("new",)}


def follow(user: User, after: int) -> list[int]:
    return [change["seq"] for change in user.get(f"/changes?after={after}").json()["changes"]]


def test_the_commands_bring_back_what_was_and_no_follower_skips_what_comes(tmp_path: Path) -> None:
    path, monday = tmp_path / "eventorg.db", tmp_path / "monday.db"
    with serving(path) as server:
        user = server.sign_up()
        event = user.create_event()
        assert run(path, "backup", monday).returncode == 0
        assert user.delete(f"/events/{event['id']}").status_code == 200
        seen = user.get("/changes").json()["next"]
        assert "Stop that process first" in sentence(run(path, "restore", monday))
    restored = run(path, "restore", monday)
    assert restored.returncode == 0, restored.stderr
    first, way_back = restored.stdout.splitlines()
    assert first == f"restored {path} from {monday}"
    assert Path(way_back.removeprefix("to undo: eventorg restore ")).exists()
    with running(Settings(database=str(path), plugins="none", log_level="error")) as again:
        assert again.client.get(f"/events/{event['id']}").status_code == 200
        user = User(again.client, user.account, again.log_in(user.account["email"]))
        user.create_event()
        assert follow(user, seen) == [seen + 1]
    assert not os.path.exists(f"{path}-wal")
