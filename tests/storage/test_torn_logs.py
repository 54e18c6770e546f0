"""A write-ahead log that is torn anywhere, as by a power cut: everything committed before the tear is there."""

import random
import shutil
import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from eventorg.storage.invariants import find_miscounts
from eventorg.storage.schema import core_component, find_faults, prepare
from eventorg.storage.sqlite import connect_writer
from eventorg.testing import Clock
from tests.programs import run, serving

WRITES = 12


class Crash:
    """The file and its log after kill -9, and the length of the log when each title was answered."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "eventorg.db"
        self.log = folder / "eventorg.db-wal"
        self.answered: dict[str, int] = {}
        with serving(self.path) as server:
            user = server.sign_up()
            for number in range(WRITES):
                title = f"title {number}"
                user.create_event(title=title, description="x" * 300 * number)
                self.answered[title] = self.log.stat().st_size
            server.process.kill()
            server.wait()

    @property
    def boundaries(self) -> list[int]:
        """Returns the ends of the header and of each frame, by SQLite's file format."""
        content = self.log.read_bytes()
        (page,) = struct.unpack(">I", content[8:12])
        return list(range(32, len(content) + 1, 24 + page))

    def torn(self, folder: Path, tear: Callable[[bytes], bytes]) -> Path:
        copy = folder / "torn.db"
        shutil.copy(self.path, copy)
        copy.with_name("torn.db-wal").write_bytes(tear(self.log.read_bytes()))
        copy.with_name("torn.db-shm").unlink(missing_ok=True)
        return copy


@pytest.fixture(scope="module")
def crash(tmp_path_factory: pytest.TempPathFactory) -> Crash:
    return Crash(tmp_path_factory.mktemp("crash"))


def cut(content: bytes, offset: int) -> bytes:
    return content[:offset]


def garble(content: bytes, offset: int) -> bytes:
    noise = random.Random(offset).randbytes(len(content) - offset)
    return content[:offset] + noise


def lose_a_page(content: bytes, offset: int) -> bytes:
    return content[:offset] + bytes(len(content[offset : offset + 4096])) + content[offset + 4096 :]


def open_torn(crash: Crash, folder: Path, tear: Callable[[bytes, int], bytes], offset: int) -> None:
    path = crash.torn(folder, lambda content: tear(content, offset))
    assert prepare(path, [core_component()], Clock()) == []  # as the next start does
    with closing(connect_writer(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall()[0][0] == "ok"
        kept = [row["title"] for row in connection.execute("SELECT title FROM events ORDER BY seq")]
    assert find_faults(path, [core_component()]) == find_miscounts(path) == []
    assert kept == list(crash.answered)[: len(kept)]
    assert {title for title, size in crash.answered.items() if size <= offset} <= set(kept), offset


def offsets(crash: Crash, number: int) -> list[int]:
    """Returns random positions, and positions around the end of each frame."""
    dice = random.Random(1)
    exact = [end + step for end in crash.boundaries for step in (-1, 0, 1)]
    length = crash.boundaries[-1]
    anywhere = [dice.randrange(length) for _ in range(number)]
    return sorted(min(offset, length) for offset in dice.sample(exact, min(number, len(exact))) + anywhere)


@pytest.mark.parametrize("tear", [cut, garble, lose_a_page])
def test_a_tear_loses_nothing_that_was_committed_before_it(
    crash: Crash, tmp_path: Path, tear: Callable[[bytes, int], bytes]
) -> None:
    for offset in offsets(crash, number=12):
        open_torn(crash, tmp_path, tear, offset)


@pytest.mark.slow
@pytest.mark.parametrize("tear", [cut, garble, lose_a_page])
def test_a_tear_loses_nothing_that_was_committed_before_it_at_five_hundred_offsets(
    crash: Crash, tmp_path: Path, tear: Callable[[bytes, int], bytes]
) -> None:
    for offset in offsets(crash, number=250):
        open_torn(crash, tmp_path, tear, offset)


def test_a_torn_log_is_ok_for_check_and_served(crash: Crash, tmp_path: Path) -> None:
    middle = crash.answered["title 6"] + 100
    path = crash.torn(tmp_path, lambda content: garble(content, middle))
    assert run(path, "check").returncode == 0
    with serving(path) as server:
        listed = server.client.get("/events").json()["events"]
        assert {event["title"] for event in listed} == set(list(crash.answered)[:7])
        server.sign_up().create_event()


def test_control_the_log_is_what_holds_the_answers(crash: Crash, tmp_path: Path) -> None:
    path = crash.torn(tmp_path, lambda content: b"")
    with closing(connect_writer(path)) as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchone()[0] < WRITES
