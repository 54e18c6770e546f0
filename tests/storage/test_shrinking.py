"""A file gives free space back after a large deletion, in short steps. `eventorg compact` does so for an older file."""

import itertools
import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path

import anyio
import pytest

from eventorg.backups import compact as compacting
from eventorg.backups.compact import compact
from eventorg.domain.errors import StorageFull
from eventorg.errors import OperatorError
from eventorg.settings import Settings
from eventorg.storage.database import SHRINK_SECONDS, Database
from eventorg.storage.ownership import is_known_to_be_sound
from eventorg.storage.schema import core_component, find_faults, find_pages, prepare
from eventorg.storage.sqlite import connect_reader
from eventorg.testing import Clock, running
from tests.programs import FORKS, run, sentence, serving
from tests.storage.faults import fill, small_disk

COMPONENTS = [core_component()]
ROWS = 20_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "eventorg.db"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bool], Path]:
    """Makes a file of which most is free, because most of its rows were deleted. Makes each of the two kinds once."""

    @cache
    def make(is_older: bool) -> Path:
        path = tmp_path_factory.mktemp("made") / "eventorg.db"
        if is_older:
            path.touch()
            with closing(sqlite3.connect(path)) as connection:
                connection.execute("PRAGMA auto_vacuum = NONE")
                connection.execute("PRAGMA user_version = 1")  # the file has a page now, so its mode stays
        prepare(path, COMPONENTS, Clock())
        delete_much(path)
        return path

    return make


@pytest.fixture
def emptied(path: Path, made: Callable[[bool], Path]) -> Path:
    """A file of which most is free."""
    return Path(shutil.copy2(made(False), path))


@pytest.fixture
def older(path: Path, made: Callable[[bool], Path]) -> Path:
    """The same as version 0.1 made it: it does not shrink."""
    return Path(shutil.copy2(made(True), path))


def delete_much(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for _ in range(2):
            values = [(f"id{number}", "x" * 500) for number in range(ROWS)]
            connection.executemany("INSERT INTO changes (at, type, event_id) VALUES ('now', ?, ?)", values)
        connection.execute("DELETE FROM changes WHERE seq % 20 <> 0")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def contents(path: Path) -> list[str]:
    with closing(connect_reader(path)) as connection:
        return sorted(connection.iterdump())


def shrink(path: Path) -> list[float]:
    """Shrinks a file, and returns the seconds that each transaction took."""
    seconds: list[float] = []

    async def act() -> None:
        database = Database(path, "normal", Clock())
        database.observers.append(lambda _, taken: seconds.append(taken))
        async with database.opened() as opened:
            await opened.shrink()

    anyio.run(act)
    return seconds


def test_a_file_shrinks_in_short_steps_and_keeps_its_rows(emptied: Path) -> None:
    before, rows = emptied.stat().st_size, contents(emptied)
    assert len(shrink(emptied)) > 1
    pages = find_pages(emptied)
    assert emptied.stat().st_size == pages.count * pages.size < before / 5
    assert 0 < pages.free <= 256
    assert contents(emptied) == rows
    assert find_faults(emptied, COMPONENTS, depth="thorough") == []


def test_each_step_ends_by_time(emptied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def tick() -> float:
        nonlocal now
        now += SHRINK_SECONDS / 4
        return now

    monkeypatch.setattr("eventorg.storage.transactions.time.monotonic", tick)
    free = find_pages(emptied).free
    assert len(shrink(emptied)) > free // 200


def test_a_step_that_begins_late_gives_pages_back(emptied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine, the time of a step can be over before it begins."""
    late = itertools.count(step=10 * SHRINK_SECONDS)
    monkeypatch.setattr("eventorg.storage.transactions.time.monotonic", lambda: next(late))
    shrink(emptied)
    assert find_pages(emptied).free <= 256


def test_the_server_shrinks_its_file(emptied: Path) -> None:
    before = emptied.stat().st_size
    with running(Settings(plugins="none", database=str(emptied), log_level="error")) as server:
        server.wait_for(lambda: emptied.stat().st_size < before / 5)
        server.sign_up()
    assert is_known_to_be_sound(emptied)


def test_some_free_space_is_kept_for_new_data(path: Path) -> None:
    prepare(path, COMPONENTS, Clock())
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO changes (at, type, event_id) VALUES ('now', 'x', ?)", ("x" * 300_000,))
        connection.execute("DELETE FROM changes")
    free = find_pages(path).free
    assert 100 < free <= 256
    assert len(shrink(path)) == 1
    assert find_pages(path).free == free


def test_a_full_disk_stops_the_steps_and_the_file_stays_whole(tmp_path: Path, made: Callable[[bool], Path]) -> None:
    with small_disk(tmp_path / "disk", "256m") as disk:
        path = Path(shutil.copy2(made(False), disk / "eventorg.db"))
        rows = contents(path)
        ballast = fill(disk)
        with pytest.raises(StorageFull):
            shrink(path)
        ballast.unlink()
        assert find_faults(path, COMPONENTS) == []
        before = path.stat().st_size
        shrink(path)
        assert path.stat().st_size < before / 5
        assert contents(path) == rows


def test_a_kill_between_two_steps_leaves_a_whole_file(emptied: Path) -> None:
    rows, free = contents(emptied), find_pages(emptied).free
    process = FORKS.Process(target=shrink_and_be_killed, args=(emptied,))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert 256 < find_pages(emptied).free < free
    assert find_faults(emptied, COMPONENTS, depth="thorough") == []
    shrink(emptied)
    assert find_pages(emptied).free <= 256
    assert contents(emptied) == rows


def shrink_and_be_killed(path: Path) -> None:
    async def act() -> None:
        database = Database(path, "normal", Clock())
        async with database.opened() as opened:
            await opened.write(lambda tx: tx.release_pages(0.001))
            database.observers.append(lambda *_: os.kill(os.getpid(), signal.SIGKILL))
            await opened.write(lambda tx: tx.release_pages(0.001))

    anyio.run(act)


def test_a_backup_shrinks_too(emptied: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    assert run(emptied, "backup", copy).returncode == 0
    assert find_pages(copy).can_shrink
    assert run(emptied, "restore", copy).returncode == 0
    prepare(emptied, COMPONENTS, Clock())
    shrink(emptied)
    assert find_pages(emptied).free <= 256


def test_an_older_file_stays_as_it_is_until_it_is_compacted(older: Path) -> None:
    before, rows = older.stat().st_size, contents(older)
    assert len(shrink(older)) == 1
    assert older.stat().st_size == before
    assert "the file does not shrink. to let it, stop the server and run" in run(older, "check").stdout.lower()
    older.chmod(0o640)
    done = run(older, "compact")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"compacted {older}: {before / 1e6:.1f} MB, now ")
    pages = find_pages(older)
    assert (pages.can_shrink, pages.free) == (True, 0)
    assert older.stat().st_size < before / 5
    assert older.stat().st_mode & 0o777 == 0o640
    assert contents(older) == rows
    assert is_known_to_be_sound(older)
    assert run(older, "check").returncode == 0
    with serving(older) as server:
        server.sign_up()


def test_a_file_in_use_is_not_compacted(path: Path) -> None:
    with serving(path):
        assert "Stop that process first." in sentence(run(path, "compact"))
    with closing(connect_reader(path)) as reader:
        reader.execute("SELECT 1 FROM events").fetchall()
        assert "is open in another program" in sentence(run(path, "compact"))


def test_a_damaged_file_is_not_compacted(older: Path) -> None:
    with older.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(os.urandom(4096))
    before = older.read_bytes()
    assert "was not compacted" in sentence(run(older, "compact"))
    assert older.read_bytes() == before


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, made: Callable[[bool], Path]) -> None:
    with small_disk(tmp_path / "disk", "256m") as disk:
        path = Path(shutil.copy2(made(False), disk / "eventorg.db"))
        rows = contents(path)
        ballast = fill(disk)
        with pytest.raises(OperatorError, match="could not be replaced and is unchanged"):
            compact(path, COMPONENTS)
        assert {file.name for file in disk.iterdir()} == {"eventorg.db", "eventorg.db.lock", "ballast"}
        assert contents(path) == rows
        ballast.unlink()
        before, after = compact(path, COMPONENTS)
        assert after < before / 5


class Killed(BaseException):
    """Stands for the end of the process: nothing after it runs."""


@pytest.mark.parametrize("step", ["find_faults", "fold", "copy_attributes", "flush"])
def test_a_crash_at_any_step_leaves_the_old_file_or_the_new_one(
    older: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    rows = contents(older)

    def crash(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(compacting, step, crash)
        with pytest.raises(Killed):
            compact(older, COMPONENTS)
    assert contents(older) == rows
    assert find_faults(older, COMPONENTS) == []
    compact(older, COMPONENTS)
    assert contents(older) == rows


def test_a_leftover_of_a_killed_process_is_deleted(older: Path) -> None:
    leftover = older.with_name(f".{older.name}.0123abcd")
    shutil.copy(older, leftover)
    compact(older, COMPONENTS)
    assert not leftover.exists()
