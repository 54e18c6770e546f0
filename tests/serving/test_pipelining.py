"""Requests that are sent before their turn wait as bytes, and few of them at that."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from litestar.types import Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from eventorg.serving import budget as budgets
from eventorg.serving.budget import Budget
from eventorg.serving.pipelining import PIECE_BYTES
from eventorg.serving.protocol import DeadlineProtocol
from eventorg.testing import Server
from tests.serving.test_protocol import GET, Wire
from tests.serving.test_wire import LOGIN, answered

pytestmark = pytest.mark.anyio

REQUESTS = 5_000


class NotedWire(Wire):
    """Notes whether it is read, and what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.is_read = True
        self.written = b""
        self.has_ended = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True

    def write_eof(self) -> None:
        self.has_ended = True


class Line:
    """A connection and an application that answers, without a look at the body, when it may."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.headers: list[tuple[bytes, bytes]] = []
        self.wire = NotedWire()
        self.budget = Budget()
        config = Config(self._answer, interface="asgi3", log_config=None, timeout_keep_alive=1_000)
        self.connection = DeadlineProtocol(config, ServerState(), {}, budget=self.budget)
        self.connection.connection_made(self.wire)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.may_answer.wait()
        await send({"type": "http.response.start", "status": 204, "headers": self.headers})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(100 * REQUESTS):
            if condition():
                return
            await asyncio.sleep(0)
        pytest.fail("it does not come to that")

    async def rest(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    def answers(self) -> int:
        return self.wire.written.count(b"HTTP/1.1 204")


@pytest.fixture
async def line() -> Line:
    return Line()


async def test_what_is_sent_before_its_turn_waits_as_bytes_and_is_answered_in_the_end(line: Line) -> None:
    line.connection.data_received(GET * REQUESTS)
    assert len(line.connection.pipeline) <= PIECE_BYTES / len(GET) + 1
    assert line.budget.held > len(GET) * REQUESTS - 3 * PIECE_BYTES
    assert not line.wire.is_read
    line.may_answer.set()
    await line.until(lambda: line.answers() == REQUESTS)
    assert (line.budget.held, line.wire.is_read, line.wire.ended) == (0, True, "")


async def test_its_client_is_not_read_after_the_first_answer_either(line: Line) -> None:
    line.may_answer.set()
    line.connection.data_received(GET * REQUESTS)
    await line.until(lambda: line.answers() == 1)
    assert not line.wire.is_read


async def test_too_much_of_it_over_all_connections_ends_the_connection(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "MAX_HELD_BYTES", 10 * PIECE_BYTES)
    line.connection.data_received(GET * REQUESTS)
    assert line.budget.held == 0
    line.may_answer.set()
    await line.until(lambda: line.connection.transport.is_closing())
    assert 1 <= line.answers() <= PIECE_BYTES / len(GET) + 2
    assert b"connection: close" in line.wire.written.rpartition(b"HTTP/1.1 204")[2]


@pytest.mark.parametrize("lost", [None, ConnectionResetError()])
async def test_a_connection_that_ends_leaves_nothing(line: Line, lost: Exception | None) -> None:
    line.connection.data_received(GET * REQUESTS)
    line.connection.connection_lost(lost)
    assert (line.budget.held, len(line.connection.pipeline)) == (0, 0)


@pytest.mark.parametrize("lost", [None, ConnectionResetError()])
async def test_a_connection_that_ends_has_no_timer_that_keeps_it(line: Line, lost: Exception | None) -> None:
    line.may_answer.set()
    line.connection.data_received(GET)
    await line.until(lambda: line.connection.timeout_keep_alive_task is not None)
    line.connection.connection_lost(lost)
    assert line.connection.timeout_keep_alive_task is None


def test_bodies_among_them_stay_with_their_requests(server: Server) -> None:
    login = LOGIN + b"Content-Length: 2000\r\n\r\n{}" + b" " * 1998
    assert answered(server, (login + GET) * 30) == [422, 404] * 30
