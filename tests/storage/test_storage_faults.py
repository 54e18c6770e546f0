"""The file under a running server: full, locked, read-only, moved, removed, replaced, and held by a reader.

Each time: what clients see meanwhile, that nothing answered is lost, and the way back.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from eventorg.serving.server import listen
from eventorg.settings import Settings
from eventorg.storage import database
from eventorg.storage import sqlite as storage
from eventorg.storage.invariants import find_miscounts
from eventorg.storage.schema import core_component, find_faults
from eventorg.storage.sqlite import connect_reader, connect_writer
from eventorg.testing import Clock, Server, User, check_problem, running
from tests.factories import new_event
from tests.programs import APP, Program, run, serving, start
from tests.storage.faults import fill, immutable, small_disk

IN_VAIN = (Clock(), Settings())


def is_served(server: Server) -> bool:
    try:
        return server.client.get("/health").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "eventorg.db"


@pytest.fixture
def here(path: Path) -> Iterator[Server]:
    """A server in this process, on the path."""
    with running(Settings(plugins="none", database=str(path), log_level="error")) as server:
        yield server


def titles(path: Path) -> set[str]:
    """Returns the events in the file."""
    with closing(connect_reader(path)) as connection:
        return {row["title"] for row in connection.execute("SELECT title FROM events")}


def create(user: User, title: str, **fields: Any) -> httpx.Response:
    response: httpx.Response = user.post("/events", json=new_event(title=title, **fields))
    return response


def assert_reads_go_on(user: User, event: dict[str, Any]) -> None:
    assert user.get(f"/events/{event['id']}").json() == event
    assert user.get("/events").status_code == 200


def assert_whole(path: Path) -> None:
    assert find_faults(path, [core_component()]) == find_miscounts(path) == []


def errors(server: Program) -> list[str]:
    return [record["event"] for record in server.records if record["level"] == "error"]


def test_a_full_disk_is_507_and_writes_come_back_with_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "4m") as disk, serving(disk / "eventorg.db") as server:
        user = server.sign_up()
        event = create(user, "before").json()
        ballast = fill(disk)
        told, refused = {"before"}, 0
        for number in range(60):  # the write-ahead log has room of its own until it must grow
            answer = create(user, f"event {number}", description="x" * 4_000)
            if answer.status_code == 201:
                told.add(f"event {number}")
            else:
                check_problem(answer, 507, "storage_full")
                refused += 1
        assert refused
        assert_reads_go_on(user, event)
        ballast.unlink()
        told |= {f"after {number}" for number in range(20) if create(user, f"after {number}").status_code == 201}
        assert "after 19" in told
        assert server.client.get("/health").status_code == 200
        server.process.kill()
        server.wait()
        assert titles(disk / "eventorg.db") == told
        assert_whole(disk / "eventorg.db")


def test_a_server_whose_log_cannot_be_written_serves(path: Path) -> None:
    """The log is often on the full disk."""
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
    with start(path, program=("sh", "-c", 'exec "$@" 2>/dev/full', "sh", *APP), port=port) as process:
        try:
            server = Server(f"http://127.0.0.1:{port}", *IN_VAIN)
            with server.client:
                server.wait_for(lambda: is_served(server))
                assert create(server.sign_up(), "unlogged").status_code == 201
        finally:
            process.kill()
    assert titles(path) == {"unlogged"}


def test_a_lock_of_another_program_makes_nobody_wait_longer_than_it_takes_to_see(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "BUSY_TIMEOUT_MS", 1_500)
    monkeypatch.setattr(database, "MAX_GROUP", 1)  # twenty writes are twenty groups
    with running(Settings(plugins="none", database=str(path), log_level="error")) as server:
        user = server.sign_up()
        event = create(user, "before").json()

        def ask(number: int) -> tuple[httpx.Response, float]:
            begun = time.monotonic()
            return create(user, f"locked out {number}"), time.monotonic() - begun

        with closing(connect_writer(path)) as other, ThreadPoolExecutor(20) as pool:
            other.execute("BEGIN IMMEDIATE")
            for answer, seconds in pool.map(ask, range(20)):
                check_problem(answer, 503, "busy")
                assert int(answer.headers["retry-after"]) >= 1
                assert seconds < 15  # one wait takes 1.5 s, and one after the other takes 30
            assert_reads_go_on(user, event)
            check_problem(server.client.get("/health"), 503, "busy")
        assert create(user, "after").status_code == 201
        with closing(connect_writer(path)) as other:  # and from now on it is patient again
            other.execute("BEGIN IMMEDIATE")
            with ThreadPoolExecutor(1) as pool:
                patient = pool.submit(create, user, "patient")
                time.sleep(0.2)
                assert not patient.done()
                other.execute("ROLLBACK")
                assert patient.result().status_code == 201
    assert titles(path) == {"before", "after", "patient"}


def move(path: Path) -> Callable[[], object]:
    aside = path.with_name("aside.db")
    path.rename(aside)
    return lambda: aside.rename(path)


def replace(path: Path) -> Callable[[], object]:
    back = move(path)
    shutil.copy(path.with_name("aside.db"), path)
    return back


def move_the_log(path: Path) -> Callable[[], object]:
    return move(path.with_name("eventorg.db-wal"))


def move_the_folder(path: Path) -> Callable[[], object]:
    aside = path.parent.with_name("aside")
    path.parent.rename(aside)
    return lambda: aside.rename(path.parent)


@pytest.mark.parametrize("fault", [move, replace, move_the_log, move_the_folder])
def test_nothing_is_answered_that_would_go_to_a_file_without_its_name(
    tmp_path: Path, fault: Callable[[Path], Callable[[], object]]
) -> None:
    path = tmp_path / "here" / "eventorg.db"
    path.parent.mkdir()
    with running(Settings(plugins="none", database=str(path), log_level="error")) as server:
        user = server.sign_up()
        event = create(user, "before").json()
        put_back = fault(path)
        for _ in range(3):
            answer = create(user, "nowhere")
            check_problem(answer, 503, "storage_unavailable")
            assert answer.headers["retry-after"] == "30"
        check_problem(server.client.get("/health"), 503, "storage_unavailable")
        assert_reads_go_on(user, event)
        put_back()
        assert create(user, "after").status_code == 201
        assert server.client.get("/health").status_code == 200
    assert titles(path) == {"before", "after"}
    assert_whole(path)


def test_control_without_the_watch_a_removed_file_takes_what_is_answered_with_it(
    here: Server, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.OpenedFiles, "check", lambda _: None)
    user = here.sign_up()
    path.unlink()
    assert create(user, "gone").status_code == 201
    assert not path.exists()


def test_after_a_removal_one_line_says_so_and_a_restart_with_a_backup_serves(path: Path, tmp_path: Path) -> None:
    with serving(path) as server:
        user = server.sign_up()
        assert create(user, "kept").status_code == 201
        assert run(path, "backup", tmp_path / "backup.db").returncode == 0
        assert create(user, "after the backup").status_code == 201
        path.unlink()
        for _ in range(3):
            check_problem(create(user, "nowhere"), 503, "storage_unavailable")
        shutil.copy(tmp_path / "backup.db", path)
        check_problem(create(user, "nowhere"), 503, "storage_unavailable")
        server.process.kill()  # what is left of the old file's log must not get into the new one
        server.wait()
        assert errors(server) == ["database_file_lost"]
    with serving(path) as server:
        again = server.log_in(user.account["email"])
        assert create(User(server.client, user.account, again), "after").status_code == 201
    assert titles(path) == {"kept", "after"}
    assert_whole(path)


def test_what_is_answered_outlives_the_removal_of_its_log(path: Path) -> None:
    with serving(path) as server:
        user = server.sign_up()
        assert create(user, "only in the log").status_code == 201
        path.with_name("eventorg.db-wal").unlink()
        check_problem(create(user, "nowhere"), 503, "storage_unavailable")
        server.process.kill()
        server.wait()
    with serving(path) as server:
        assert create(User(server.client, user.account, user.token), "after").status_code == 201
    assert titles(path) == {"only in the log", "after"}


def test_a_file_that_became_read_only_is_503_and_writes_come_back(here: Server, path: Path) -> None:
    user = here.sign_up()
    event = create(user, "before").json()
    with immutable(path, path.with_name("eventorg.db-wal")):
        check_problem(create(user, "refused"), 503, "storage_unavailable")
        assert_reads_go_on(user, event)
    assert create(user, "after").status_code == 201
    assert titles(path) == {"before", "after"}


def test_while_a_reader_holds_the_log_writes_go_on_and_it_shrinks_after(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "JOURNAL_BYTES", 2**20)
    told: list[str] = []
    monkeypatch.setattr(storage.log, "warning", lambda event, **_: told.append(event))
    log = path.with_name("eventorg.db-wal")
    with running(Settings(plugins="none", database=str(path), log_level="error", synchronous="normal")) as server:
        user = server.sign_up()

        def write_until(condition: Callable[[], bool]) -> None:
            for _ in range(2_000):
                assert create(user, "x" * 200, description="x" * 4_000).status_code == 201
                if condition():
                    return
            pytest.fail(f"the log has {log.stat().st_size} bytes")

        with closing(connect_reader(path)) as reader:
            reader.execute("BEGIN")
            seen = reader.execute("SELECT count(*) FROM events").fetchone()[0]
            write_until(lambda: log.stat().st_size > 6 * 2**20)
            assert reader.execute("SELECT count(*) FROM events").fetchone()[0] == seen
            assert told == ["write_ahead_log_too_large"]
        write_until(lambda: log.stat().st_size <= 2**20)
    assert_whole(path)
