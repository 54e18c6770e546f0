"""Plugins that end the process, hang, or are killed with it, in real processes."""

import sqlite3
import time
from contextlib import AbstractContextManager, closing, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from eventorg.repositories.plugins import MAX_ATTEMPTS
from eventorg.storage.sqlite import connect_reader
from tests.extensions.plugin_files import DIARY, DIARY_FILES, write
from tests.programs import Program, run, serving

FAULTY = """
import asyncio, os, time
from msgspec import Struct
from eventorg.plugin import Plugin, UserCreated

class Settings(Struct):
    how: str = ""

async def hear(fact, context):
    match context.settings.how:
        case "exit":
            os._exit(9)
        case "block":
            time.sleep(60)
        case "wait":
            await asyncio.sleep(60)

plugin = Plugin(name="faulty", on={UserCreated: hear}, settings=Settings)
"""
FILES = {**DIARY_FILES, "diary/__init__.py": DIARY.replace("PAUSE = 0.0", "PAUSE = 0.01"), "faulty.py": FAULTY}


class House:
    """A database and two plugins: one keeps a diary, the other fails as it is told."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "eventorg.db"
        self.settings: dict[str, Any] = {
            "plugins": ",".join(write(folder / "plugins", FILES)),
            "plugins_dir": str(folder / "plugins"),
        }

    def serving(self, how: str = "") -> AbstractContextManager[Program]:
        return serving(self.database, **self.settings, faulty_how=how)

    def run(self, *arguments: str) -> str:
        done = run(self.database, *arguments, **self.settings)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(connect_reader(self.database)) as connection:
            return [tuple(row) for row in connection.execute(query)]

    def diary(self) -> list[int]:
        return [seq for (seq,) in self.rows("SELECT seq FROM diary_entries ORDER BY number")]

    def changes(self) -> list[int]:
        return [seq for (seq,) in self.rows("SELECT seq FROM changes ORDER BY seq")]

    def fail_before(self, times: int) -> None:
        """As if the change had failed so often before."""
        with closing(sqlite3.connect(self.database)) as connection:
            connection.execute("UPDATE plugins SET attempts = ? WHERE name = 'faulty'", (times,))
            connection.commit()


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_after_kill_9_everything_is_delivered_in_order_and_little_of_it_twice(house: House) -> None:
    rounds = 2
    for number in range(1, rounds + 1):
        with house.serving() as server:
            user = server.sign_up(username=f"user-{number}", email=f"user-{number}@example.com")
            for _ in range(29):
                user.create_event()
            server.wait_for(lambda least=number * 15: len(set(house.diary())) > least)  # type: ignore[misc]
            server.process.kill()
            server.wait()
    with house.serving() as server:
        server.wait_for(lambda: house.diary()[-1:] == house.changes()[-1:])
    told, changes = house.diary(), house.changes()
    assert len(changes) == 30 * rounds
    assert list(dict.fromkeys(told)) == changes  # none is left out, and each comes first where it belongs
    # After a crash, delivery repeats a range that ends at the crash, and continues from there.
    assert sum(later < earlier for earlier, later in pairwise(told)) <= rounds


def test_a_change_that_ends_the_process_becomes_a_dead_letter(house: House) -> None:
    with house.serving("exit") as server:
        with suppress(httpx.TransportError):  # whether it can still answer or not
            server.sign_up()
        assert server.wait() == 9
    assert house.rows("SELECT running, attempts FROM plugins WHERE name = 'faulty'") == [(1, 0)]
    house.fail_before(times=MAX_ATTEMPTS - 1)
    with house.serving("exit") as server:
        assert server.client.get("/health").json()["plugins"]["faulty"] == "failing"
        assert house.rows("SELECT seq, error FROM plugin_failures") == [(1, "the process ended during this call")]
        server.wait_for(lambda: house.diary() == house.changes() == [1])
        assert house.run("plugins", "retry", "faulty") == "1 change queued for retry\n"
        assert server.wait() == 9
    assert house.rows("SELECT seq, retry FROM plugin_failures") == [(1, 0)]
    with house.serving("exit") as server:  # told again once for each retry
        assert server.client.get("/health").json()["plugins"]["faulty"] == "failing"
    assert server.wait() == 0


@pytest.mark.parametrize("how", ["block", "wait"])
def test_a_handler_that_takes_a_minute_holds_up_nobody(house: House, how: str) -> None:
    with house.serving(how) as server:
        begin = time.monotonic()
        anna, boris = server.sign_up(), server.sign_up()
        event = anna.create_event()
        assert boris.post(f"/events/{event['id']}/register").status_code == 201
        server.wait_for(lambda: house.diary() == house.changes())
        assert time.monotonic() - begin < 40
        server.process.terminate()
        assert server.process.wait(40) == 0
    assert "Traceback" not in server.log
