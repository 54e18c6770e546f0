"""A real server on a real file, with a clock, users, and bots, for the tests of the core and of plugins."""

import asyncio
import io
import itertools
import os
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from typing import Any, TypeVar
from unittest import mock

import httpx
import pytest
from argon2 import PasswordHasher
from click.testing import CliRunner
from litestar import Litestar

from eventorg.application import create_app
from eventorg.cli import cli, main
from eventorg.core import Core
from eventorg.domain.callers import BotScope
from eventorg.security.passwords import Passwords
from eventorg.serving.server import TICKS_PER_SECOND, listen, opened, server_config, url_of
from eventorg.serving.server import Server as UvicornServer
from eventorg.settings import PREFIX, Settings, load
from eventorg.testing.users import PASSWORD, Bot, User

T = TypeVar("T")
_NO_CERTIFICATES = SSLContext(PROTOCOL_TLS_CLIENT)
"""For clients of plain HTTP. Each would otherwise read all certificates, which takes 25 ms."""
_numbers = itertools.count(1)


class Clock:
    """The server's clock. It stands still until you move it."""

    def __init__(self, now: datetime = datetime(2027, 1, 1, 12, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        """Moves the clock forward by `timedelta(**by)`."""
        self.now += timedelta(**by)


class Server:
    """A running server: its URL, clock, client without a token, and application if it runs in this process."""

    def __init__(self, url: str, clock: Clock, settings: Settings, app: Litestar | None = None) -> None:
        self.url = url
        self.clock = clock
        self.settings = settings
        self.app = app
        self.client = _new_client(url)

    def sign_up(self, **fields: Any) -> User:
        """Returns a new user with a unique name, logged in."""
        name = f"user-{next(_numbers)}"
        account = {"username": name, "email": f"{name}@example.com", "password": PASSWORD} | fields
        response = self.client.post("/users", json=account)
        assert response.status_code == 201, response.text
        return User(self.client, response.json(), self.log_in(account["email"], account["password"]))

    def log_in(self, email: str, password: str = PASSWORD) -> str:
        """Logs in and returns the token."""
        response = self.client.post("/login", json={"email": email, "password": password})
        assert response.status_code == 200, response.text
        return str(response.json()["token"])

    def verify_email(self, user: User) -> None:
        """Marks the email address of a user as verified, so that the user gets mail."""
        self._on_its_loop(self._core.users.verify_email(user.id))

    def make_bot(self, *scopes: BotScope) -> Bot:
        """Creates and returns a bot with these scopes."""
        name = f"bot-{next(_numbers)}"
        return Bot(self.client, name, self._on_its_loop(self._core.bots.create(name, list(scopes))))

    def revoke(self, bot: Bot) -> None:
        """Revokes the token of a bot."""
        self._on_its_loop(self._core.bots.revoke(bot.name))

    @property
    def _core(self) -> Core:
        assert self.app is not None, 'the server runs in another process: use `run("token", …)`'
        core: Core = self.app.state.core
        return core

    def _on_its_loop(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._core.database.loop).result()

    def run(self, *arguments: str) -> str:
        """Runs `eventorg …` with the server's settings and returns its output. Fails if the command fails."""
        fields = {name: getattr(self.settings, name) for name in Settings.__struct_fields__ if name != "others"}
        given = {f"{PREFIX}{name.upper()}": str(value) for name, value in (fields | self.settings.others).items()}
        result = CliRunner().invoke(cli, arguments, env=given, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    def wait_for(self, condition: Callable[[], T], seconds: float = 30) -> T:
        """Returns the result of the condition once it is true. Use it for what a plugin does after the response."""
        deadline = time.monotonic() + seconds
        pause = 0.01
        while not (result := condition()):
            assert time.monotonic() < deadline, f"not within {seconds} s"
            time.sleep(pause)
            pause = min(2 * pause, 0.1)  # a condition that sends requests would keep the server busy
        return result


def run_command(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """Runs `eventorg …` in this process with these variables and no others, and returns its exit status, its output,
    and its errors."""
    output, errors = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, environment, clear=True),
        redirect_stdout(output),
        redirect_stderr(errors),
    ):
        try:
            main([*arguments])
            status = 0
        except SystemExit as ended:
            status = int(ended.code or 0)
    return status, output.getvalue(), errors.getvalue()


def _new_client(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=30, verify=_NO_CERTIFICATES)


class _ServerInThread(UvicornServer):
    """A server that does not handle signals, because it does not run in the main thread. It stops without a pause."""

    @cached_property
    def _stopping(self) -> asyncio.Event:
        return asyncio.Event()

    def stop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Ends the server, which runs on this loop, from another thread."""
        self.should_exit = True
        with suppress(RuntimeError):  # the loop has ended already
            loop.call_soon_threadsafe(self._stopping.set)

    async def main_loop(self) -> None:
        counter = 0
        while not await self.on_tick(counter):
            counter += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), 1 / TICKS_PER_SECOND)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Closes idle connections at once. If others remain, it does what uvicorn does, which begins with a pause."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        for _ in range(3):  # the loop calls connection_lost in one of its next steps
            await asyncio.sleep(0)
        if self.server_state.connections or self.server_state.tasks:
            await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def check_problem(response: httpx.Response, status: int, code: str | None = None) -> dict[str, Any]:
    """Returns the problem document of a response. Checks its shape, its status, and its code if you give one."""
    assert response.status_code == status, f"{response.status_code} {response.text}"
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    members = ["type", "title", "status", "detail", "code"] + ["errors"] * (status == 422)
    members += ["request_id"] * (status == 500)
    assert [member for member in problem if member not in ("opens_at", "closes_at", "data")] == members
    assert problem["status"] == status
    assert problem["type"] == f"/problems/{problem['code']}"
    assert all(fault.keys() == {"field", "code", "message"} for fault in problem.get("errors", []))
    assert code in (None, problem["code"])
    return problem


def cheap_passwords() -> Passwords:
    """Returns a hasher with the cheapest possible parameters."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@contextmanager
def running(settings: Settings, clock: Clock | None = None, passwords: Passwords | None = None) -> Iterator[Server]:
    """Runs a server on a free local port, in a thread of this process, until the block ends.

    Passwords are hashed cheaply unless you give a hasher.
    """
    clock = clock or Clock()
    app = create_app(settings, clock, passwords or cheap_passwords())
    config = server_config(app, settings)
    uvicorn_server = _ServerInThread(config, app.state.feed)
    started = threading.Event()
    failures: list[BaseException] = []
    loops: list[asyncio.AbstractEventLoop] = []

    with listen("127.0.0.1", 0) as listener:

        async def serve() -> None:
            async with opened(app):
                started.set()
                await uvicorn_server.serve(sockets=[listener])

        def run() -> None:
            try:
                with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
                    loops.append(runner.get_loop())
                    runner.run(serve())
            except BaseException as failure:
                failures.append(failure)
            finally:
                started.set()

        thread = threading.Thread(target=run)
        thread.start()
        started.wait()
        server = Server(url_of(listener), clock, settings, app)
        try:
            if failures:
                raise failures[0]
            yield server
        finally:
            server.client.close()
            for loop in loops:
                uvicorn_server.stop(loop)
            thread.join()
    if failures:
        raise failures[0]


@pytest.fixture
def eventorg_settings() -> dict[str, str]:
    """Returns settings for `eventorg` as `EVENTORG_*` variables. Override this fixture in your test module."""
    return {}


@pytest.fixture
def eventorg(tmp_path: Path, eventorg_settings: dict[str, str]) -> Iterator[Server]:
    """Runs a server on a new file with every plugin that is found. It has a client, a clock, users, and bots.

    Tokens last for a year unless you set `EVENTORG_TOKEN_HOURS`, so that users stay logged in when the clock moves.
    """
    environment = {
        "EVENTORG_DATABASE": str(tmp_path / "eventorg.db"),
        "EVENTORG_LOG_LEVEL": "error",
        "EVENTORG_TOKEN_HOURS": str(366 * 24),
    }
    with running(load(environment | eventorg_settings)) as server:
        yield server
