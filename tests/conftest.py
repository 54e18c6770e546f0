"""Fixtures: one server for tests that do not mind others' users and events, and a fresh one for the rest."""

import queue
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from eventorg.background.feed import Feed
from eventorg.settings import Settings
from eventorg.testing import Server, User, running
from tests import telegram


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio, as the server does."""
    return "asyncio"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server shared by the whole run. Its clock stands still: take `fresh_server` to move one."""
    database = tmp_path_factory.mktemp("shared") / "eventorg.db"
    settings = Settings(
        plugins="none",
        database=str(database),
        log_level="error",
        login_attempts=1_000,
        telegram_bot_token=telegram.BOT_TOKEN,
    )
    with running(settings) as server:
        yield server


@pytest.fixture
def fresh_server(tmp_path: Path) -> Iterator[Server]:
    """A server of one's own, on a new file."""
    with running(Settings(plugins="none", database=str(tmp_path / "eventorg.db"), log_level="error")) as server:
        yield server


@pytest.fixture(scope="session")
def mini_apps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[telegram.MiniApps]:
    """Servers for Mini App logins, kept for the run. Their clocks stand where the last test put them."""
    with ExitStack() as stack:
        yield telegram.MiniApps(tmp_path_factory.mktemp("mini-apps"), stack)


@pytest.fixture
def sign_up(server: Server) -> Callable[[], User]:
    """Makes users of the shared server."""
    return server.sign_up


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> "queue.Queue[int]":
    """Has an item for each time that somebody begins to wait for news."""
    begun: queue.Queue[int] = queue.Queue()
    wait = Feed.wait

    async def told_wait(self: Feed, subjects: Any, seen: int, seconds: float) -> bool:
        begun.put(seen)
        return await wait(self, subjects, seen, seconds)

    monkeypatch.setattr(Feed, "wait", told_wait)
    return begun
