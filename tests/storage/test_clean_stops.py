"""A file is read from end to end before it is served, unless nobody has changed it since the last clean stop."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from eventorg.domain.errors import DomainError
from eventorg.settings import Settings
from eventorg.storage import schema
from eventorg.storage.database import Database
from eventorg.storage.ownership import is_known_to_be_sound, owner_lock
from eventorg.storage.schema import core_component, find_faults, prepare
from eventorg.storage.sqlite import connect_reader
from eventorg.storage.transactions import Transaction
from eventorg.testing import Clock, check_problem, running
from tests.factories import new_event
from tests.programs import run, sentence, serving


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "eventorg.db"


@pytest.fixture
def stopped(path: Path) -> Path:
    """A file with data, and the mark of a clean stop."""
    prepare(path, [core_component()], Clock())
    with closing(sqlite3.connect(path)) as connection, connection:
        values = [(f"id{number}", "x" * 500) for number in range(200)]
        connection.executemany("INSERT INTO changes (at, type, event_id) VALUES ('now', ?, ?)", values)
    with owner_lock(path) as owned:
        owned.put_mark()
    return path


def settings(path: Path) -> Settings:
    return Settings(plugins="none", database=str(path), log_level="error")


def damage(path: Path) -> None:
    """Overwrites a page of the change log."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size - 5 * 4096)
        file.write(os.urandom(4096))


def test_a_file_is_read_from_end_to_end_only_after_an_unclean_stop(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    depths: list[str] = []

    def noting(*arguments: object, depth: str = "quick") -> list[str]:
        depths.append(depth)
        return find_faults(*arguments, depth=depth)  # type: ignore[arg-type]

    monkeypatch.setattr(schema, "find_faults", noting)
    for _ in range(3):
        with running(settings(path)) as server:
            server.sign_up()
    assert depths == ["quick", "schema", "schema"]


def test_the_mark_goes_with_the_first_start_and_comes_with_a_clean_stop(stopped: Path) -> None:
    assert is_known_to_be_sound(stopped)
    with owner_lock(stopped) as owned:
        assert owned.take_mark()
        assert not owned.take_mark()
    assert not is_known_to_be_sound(stopped)
    with owner_lock(stopped) as owned:
        owned.put_mark()
    assert is_known_to_be_sound(stopped)


def test_a_server_that_was_killed_leaves_no_mark(path: Path) -> None:
    with serving(path) as server:
        user = server.sign_up()
    assert is_known_to_be_sound(path)
    with serving(path) as server:
        assert is_known_to_be_sound(path), "the server has checked it"
        assert user.account["id"] in run(path, "user", "list").stdout
        server.process.kill()
        server.wait()
    assert not is_known_to_be_sound(path)
    with closing(sqlite3.connect(path)) as connection:  # the log goes into the file
        connection.execute("PRAGMA wal_checkpoint")
    assert not is_known_to_be_sound(path)


def edited(path: Path) -> None:
    before = path.stat()
    damage(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def copied_over(path: Path) -> None:
    copy = path.with_name("copy")
    shutil.copy2(path, copy)
    shutil.copy2(copy, path)


def replaced(path: Path) -> None:
    copy = path.with_name("copy")
    shutil.copy2(path, copy)
    copy.replace(path)


def written_by_a_version_without_marks(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO changes (at, type) VALUES ('now', 'older')")


def with_a_log(path: Path) -> None:
    path.with_name("eventorg.db-wal").touch()


def with_a_journal(path: Path) -> None:
    path.with_name("eventorg.db-journal").touch()


def with_a_torn_mark(path: Path) -> None:
    os.truncate(path.with_name("eventorg.db.lock"), 60)


def without_a_lock_file(path: Path) -> None:
    path.with_name("eventorg.db.lock").unlink()


@pytest.mark.parametrize(
    "change",
    [
        edited,
        copied_over,
        replaced,
        written_by_a_version_without_marks,
        with_a_log,
        with_a_journal,
        with_a_torn_mark,
        without_a_lock_file,
        Path.unlink,
    ],
)
def test_a_file_that_was_changed_in_the_meantime_is_checked(stopped: Path, change: Callable[[Path], None]) -> None:
    change(stopped)
    assert not is_known_to_be_sound(stopped)
    with owner_lock(stopped) as owned:
        assert not owned.take_mark()


def test_a_copy_is_checked(stopped: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    copy = tmp_path / "elsewhere" / "eventorg.db"
    for name in ("eventorg.db", "eventorg.db.lock"):
        shutil.copy2(stopped.with_name(name), copy.with_name(name))
    assert not is_known_to_be_sound(copy)


def test_a_restored_file_is_checked(path: Path, tmp_path: Path) -> None:
    with serving(path) as server:
        assert run(path, "backup", tmp_path / "copy.db").returncode == 0
        server.sign_up()
    assert is_known_to_be_sound(path)
    assert run(path, "restore", tmp_path / "copy.db").returncode == 0
    assert not is_known_to_be_sound(path)


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_damage_after_a_clean_stop_is_seen(path: Path, command: str) -> None:
    with serving(path) as server:
        user = server.sign_up()
        for _ in range(30):
            assert user.post("/events", json=new_event(description="x" * 4_000)).status_code == 201
    edited(path)
    assert "the file is damaged" in sentence(run(path, command))


def test_a_file_that_another_program_has_open_is_checked(path: Path) -> None:
    with serving(path) as server:
        server.sign_up()
        with closing(connect_reader(path)) as reader:
            reader.execute("SELECT 1 FROM events").fetchall()
            server.process.terminate()
            assert server.wait() == 0
    assert not is_known_to_be_sound(path)


def test_a_file_that_was_lost_for_a_while_is_checked(path: Path) -> None:
    with running(settings(path)) as server:
        user = server.sign_up()
        path.rename(path.with_name("away"))
        check_problem(user.post("/events", json=new_event()), 503, "storage_unavailable")
        path.with_name("away").rename(path)
        assert user.post("/events", json=new_event()).status_code == 201
    assert not is_known_to_be_sound(path)


@pytest.mark.parametrize(
    ("code", "is_suspect"),
    [
        (sqlite3.SQLITE_CORRUPT, True),
        (sqlite3.SQLITE_NOTADB, True),
        (sqlite3.SQLITE_IOERR | 1 << 8, True),
        (sqlite3.SQLITE_FULL, False),
        (sqlite3.SQLITE_CONSTRAINT, False),
    ],
)
@pytest.mark.parametrize("act", ["read", "write"])
def test_a_file_in_which_sqlite_found_damage_is_suspect(path: Path, code: int, is_suspect: bool, act: str) -> None:
    prepare(path, [core_component()], Clock())

    def fail(tx: Transaction) -> None:
        error = sqlite3.DatabaseError("no luck")
        error.sqlite_errorcode = code
        raise error

    async def check() -> None:
        async with Database(path, "full", Clock()).opened() as database:
            with pytest.raises((sqlite3.Error, DomainError)):
                await getattr(database, act)(fail)
            assert database.is_suspect == is_suspect

    anyio.run(check)
