"""Fixtures: a shared server for tests that tolerate other users and events, and a fresh one for the others."""

import asyncio
import gc
import math
import os
import queue
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

import pytest

from eventorg.background.feed import Feed
from eventorg.settings import Settings
from eventorg.testing import Clock, Server, User, running
from tests import telegram
from tests.described import documented_errors
from tests.quick_start import quick_start

__all__ = ["documented_errors", "quick_start"]

# Hundreds of tests start programs. Without saved bytecode, each start compiles eventorg, for 0.3 s of CPU.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def pytest_xdist_auto_num_workers() -> int:
    """Returns seven workers for two cores, because many tests wait for a server, a program or a deadline."""
    return math.ceil(3.5 * len(os.sched_getaffinity(0)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the tests of the whole first: the longest are among them, and at the end the other workers would wait."""
    items.sort(key=lambda item: item.path.parent != Path(__file__).parent)


def pytest_collection_finish() -> None:
    """Takes what the imports and the collection made out of garbage collection: it stays until the end.

    The rest is collected less often: starting a server makes many objects, and few of them are garbage.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Runs async tests on asyncio, as the server does."""
    return "asyncio"


class _FixedClock(Clock):
    def advance(self, **_: float) -> NoReturn:
        raise AssertionError("other tests share this clock: use fresh_server")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that all tests of a worker share. Its clock refuses to move; use `fresh_server` to move the clock."""
    database = tmp_path_factory.mktemp("shared") / "eventorg.db"
    settings = Settings(
        plugins="none",
        database=str(database),
        log_level="error",
        login_attempts=1_000,
        signups_per_minute=0,
        telegram_bot_token=telegram.BOT_TOKEN,
    )
    with running(settings, _FixedClock()) as server:
        yield server


@pytest.fixture
def fresh_server(tmp_path: Path) -> Iterator[Server]:
    """A server with a new file for one test."""
    with running(Settings(plugins="none", database=str(tmp_path / "eventorg.db"), log_level="error")) as server:
        yield server


@pytest.fixture(scope="session")
def mini_apps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[telegram.MiniApps]:
    """Servers for Mini App logins, shared by all tests of a worker. Their clocks keep the time of the last test."""
    with ExitStack() as stack:
        yield telegram.MiniApps(tmp_path_factory.mktemp("mini-apps"), stack)


@pytest.fixture
def sign_up(server: Server) -> Callable[[], User]:
    """Creates users of the shared server."""
    return server.sign_up


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> "queue.Queue[float]":
    """A queue that gets an item whenever a client starts to wait for changes."""
    begun: queue.Queue[float] = queue.Queue()
    sleep = Feed.sleep

    async def told_sleep(self: Feed, waiter: asyncio.Event, seconds: float) -> bool:
        begun.put(seconds)
        return await sleep(self, waiter, seconds)

    monkeypatch.setattr(Feed, "sleep", told_sleep)
    return begun
