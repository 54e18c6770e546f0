"""The server is killed, stopped, and backed up under mixed load: no answered write is lost."""

import random
import signal
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eventorg.storage.sqlite import connect_reader
from eventorg.testing import Bot
from tests.programs import Program, run, serving
from tests.serving.load import Load, Promises

SETTINGS: dict[str, Any] = {"plugins": "reminders"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "eventorg.db"


@pytest.fixture
def token(path: Path) -> str:
    scopes = ("--scope", "act", "--scope", "changes", "--scope", "deliver")
    assert run(path, "migrate", **SETTINGS).returncode == 0
    made = run(path, "token", "create", "bot", *scopes, **SETTINGS)
    assert made.returncode == 0, made.stderr
    return made.stdout.split()[-1]


def bot_of(server: Program, token: str) -> Bot:
    return Bot(server.client, "bot", token)


def is_caught_up(path: Path) -> bool:
    """Returns true if the plugin has received every change."""
    with closing(connect_reader(path)) as connection:
        head, place = connection.execute("SELECT (SELECT max(seq) FROM changes), seq FROM plugins").fetchone()
        return bool(head == place)


def kill_under_load(path: Path, token: str, rounds: int, seed: int) -> None:
    dice = random.Random(seed)
    promises = Promises()
    for number in range(rounds):
        with serving(path, **SETTINGS) as server:
            load = Load(server, bot_of(server, token), promises, seed=number)
            promises.wait_for(promises.answered + dice.randrange(40, 150))
            server.process.kill()
            assert server.wait() == -signal.SIGKILL
            load.wait_for_the_end()
        promises.check(path)
    with serving(path, **SETTINGS) as server:
        server.wait_for(lambda: is_caught_up(path), seconds=30)
        assert server.client.get("/health").json()["plugins"] == {"reminders": "ok"}
    assert run(path, "check", **SETTINGS).returncode == 0


def test_nothing_answered_is_lost_by_kill_9(path: Path, token: str) -> None:
    kill_under_load(path, token, rounds=1, seed=1)


@pytest.mark.slow
def test_nothing_answered_is_lost_by_kill_9_twenty_times(path: Path, token: str) -> None:
    kill_under_load(path, token, rounds=20, seed=2)


def test_sigterm_under_load_loses_nothing_and_ends_followers(path: Path, token: str) -> None:
    promises = Promises()
    with serving(path, **SETTINGS) as server:
        bot = bot_of(server, token)
        load = Load(server, bot, promises, seed=1)
        promises.wait_for(60)
        with bot.client.stream(
            "GET", "/changes?after=0", headers=bot.headers | {"Accept": "text/event-stream"}
        ) as follower:
            lines = follower.iter_lines()
            assert next(lines)
            server.process.terminate()
            assert server.process.wait(10) == 0
            load.wait_for_the_end()
            told = [line for line in lines if line.startswith("id: ")]  # and the stream ended properly
        assert told
    promises.check(path)
    assert "Traceback" not in server.log
    assert {record["status"] for record in server.records if record["event"] == "request"} <= {200, 201, 409}


@pytest.mark.slow
def test_a_backup_under_load_has_every_earlier_write_and_can_be_served(path: Path, token: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    promises = Promises()
    with serving(path, **SETTINGS) as server:
        load = Load(server, bot_of(server, token), promises, seed=1)
        promises.wait_for(60)
        before = {subject for subject in list(promises.states) if subject[0] in ("event", "user")}
        assert run(path, "backup", copy, **SETTINGS).returncode == 0
        server.process.kill()
        load.wait_for_the_end()
    with closing(connect_reader(copy)) as connection:
        kept = {row[0] for row in connection.execute("SELECT id FROM events UNION ALL SELECT id FROM users")}
    assert {thing for _, thing in before} <= kept
    assert run(copy, "check", **SETTINGS).returncode == 0
    with serving(copy, **SETTINGS) as server:
        server.sign_up().create_event()
        server.wait_for(lambda: is_caught_up(copy), seconds=30)
