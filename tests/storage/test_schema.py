"""A file that cannot be served is refused in one sentence and stays as it was, byte for byte."""

import os
import pwd
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from eventorg.errors import OperatorError
from eventorg.storage.lock_holder import find_lock_holder
from eventorg.storage.ownership import owner_lock
from eventorg.storage.schema import core_component, find_faults, prepare
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
        connection.execute("INSERT INTO event_hosts VALUES ('no event', 'no user', 'now', NULL)")
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
    assert reason in sentence(run(path, "serve"))
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
        holder = rf"process {first.process.pid} \(python[^,]*, user {pwd.getpwuid(os.getuid()).pw_name}\)"
        assert re.fullmatch(
            rf"{path} is in use by {holder}\. Stop that process first\.", sentence(run(path, program=APP))
        )
        assert first.client.get("/health").status_code == 200
    assert first.wait() == 0
    with serving(path) as second:
        assert second.client.get("/health").status_code == 200


@pytest.mark.parametrize("mode", [None, 0o644, 0o666])
def test_only_the_owner_can_hold_the_lock(path: Path, mode: int | None) -> None:
    """Whoever can open the file can hold its lock, and then no server starts."""
    lock = path.with_name("eventorg.db.lock")
    if mode is not None:
        lock.touch()
        lock.chmod(mode)
    with owner_lock(path):
        assert lock.stat().st_mode & 0o777 == 0o600


def test_a_lock_that_is_a_link_is_refused(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    path.with_name("eventorg.db.lock").symlink_to(target)
    with pytest.raises(OperatorError, match=r"eventorg\.db\.lock: Too many levels of symbolic links"), owner_lock(path):
        pass
    assert not target.exists()


@pytest.mark.parametrize(
    ("locks", "named"),
    [
        ("1: FLOCK  ADVISORY  WRITE 17 {file} 0 EOF", "process 17"),
        ("1: POSIX  ADVISORY  WRITE 16 {file} 0 EOF\n2: FLOCK  ADVISORY  READ  17 {file} 0 EOF", "process 17"),
        ("1: -> FLOCK  ADVISORY  WRITE 17 {file} 0 EOF", "process 17"),
        ("1: FLOCK  ADVISORY  WRITE 17 00:00:1 0 EOF", "another process"),
        ("1: FLOCK  ADVISORY  WRITE 0 {file} 0 EOF", "another process"),
        ("1: FLOCK  ADVISORY  WRITE -1 {file} 0 EOF", "another process"),
        (None, "another process"),
    ],
)
def test_the_holder_of_a_lock_is_named_if_the_system_tells(tmp_path: Path, locks: str | None, named: str) -> None:
    with (tmp_path / "lock").open("w") as lock:
        found = os.fstat(lock.fileno())
        file = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
        if locks is not None:
            (tmp_path / "locks").write_text(locks.format(file=file) + "\n")
        assert find_lock_holder(lock.fileno(), tmp_path) == named


def leads_to_another_folder(link: Path, real: Path) -> None:
    link.symlink_to(real)


def leads_to_another_link(link: Path, real: Path) -> None:
    between = link.with_name("between")
    between.symlink_to(real)
    link.symlink_to("between")


@pytest.mark.parametrize(("lead", "exists"), [(leads_to_another_folder, True), (leads_to_another_link, False)])
def test_a_database_can_be_named_by_a_link(tmp_path: Path, lead: Callable[[Path, Path], None], exists: bool) -> None:
    real, link = tmp_path / "data" / "real.db", tmp_path / "eventorg.db"
    real.parent.mkdir()
    if exists:
        prepare(real, [core_component()], Clock())
    lead(link, real)
    names = {file.name for file in tmp_path.iterdir()}
    with serving(link) as server:
        assert server.client.get("/health").status_code == 200
        server.sign_up()
        assert run(link, "user", "list").stdout.count("\n") == 1
    assert server.wait() == 0
    assert {file.name for file in tmp_path.iterdir()} == names
    assert {file.name for file in real.parent.iterdir()} == {"real.db", "real.db.lock", "real.db.secret"}
    copy = tmp_path / "copy.db"
    assert run(link, "backup", copy).returncode == 0
    assert run(link, "restore", copy).returncode == 0
    assert link.is_symlink()


@pytest.mark.parametrize("command", ["serve", "check"])
def test_a_link_that_leads_to_itself_is_refused(tmp_path: Path, command: str) -> None:
    link = tmp_path / "eventorg.db"
    link.symlink_to(link)
    assert "is a symbolic link that leads to itself" in sentence(run(link, command), status=2)
    assert list(tmp_path.iterdir()) == [link]


@pytest.mark.parametrize("command", ["serve", "migrate"])
@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_not_a_regular_file_is_refused(tmp_path: Path, command: str, make: Callable[[Path], object]) -> None:
    path = tmp_path / "eventorg.db"
    make(path)
    assert sentence(run(path, command)) == f"{path} is not a regular file, so it cannot be the database."
    assert list(tmp_path.iterdir()) == [path]


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
