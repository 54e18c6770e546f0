"""The second at which a connection is closed for a slow client. `test_slow_clients` uses real connections."""

import asyncio
from typing import Any

import pytest
from litestar.types import Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from eventorg.serving.protocol import ANSWER_SECONDS, DeadlineProtocol
from eventorg.web import bodies

pytestmark = pytest.mark.anyio

REQUEST = bodies.REQUEST_SECONDS
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
A_MOMENT = 0.125


class Wire(asyncio.Transport):
    """A transport to a client that leaves `unread` bytes. It records how the connection ended."""

    def __init__(self) -> None:
        super().__init__()
        self.unread = 0
        self.ended = ""

    def write(self, data: Any) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return self.unread

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def is_closing(self) -> bool:
        return bool(self.ended)

    def close(self) -> None:
        self.ended = self.ended or "closed"

    def abort(self) -> None:
        self.ended = "aborted"


class Line:
    """A connection from second 0 and its application, which starts when it `may_begin`, reads the body as it
    arrives, and answers when it `may_answer`."""

    def __init__(self) -> None:
        self.second = 0.0
        self.wire = Wire()
        self.woken = 0
        self.may_begin, self.may_answer = asyncio.Event(), asyncio.Event()
        self.connection = DeadlineProtocol(
            Config(self._answer, interface="asgi3", log_config=None, timeout_keep_alive=1_000), ServerState(), {}
        )

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.may_begin.wait()
        message: Any = await receive()
        while message["more_body"]:
            self.woken += 1
            message = await receive()
        await self.may_answer.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def say(self, data: bytes) -> None:
        """Sends data from the client and lets the application run."""
        self.connection.data_received(data)
        await self.rest()

    async def rest(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    async def at(self, second: float) -> str:
        """Enforces the deadlines at this second. Returns how the connection ended, or an empty string if it is open."""
        self.second = second
        self.connection.enforce_deadlines(second)
        await self.rest()
        return self.wire.ended


@pytest.fixture
async def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    line = Line()
    line.may_begin.set()
    line.may_answer.set()
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: line.second)
    line.connection.connection_made(line.wire)
    return line


@pytest.mark.parametrize("begun", [b"", b"GET / HT"])
async def test_a_request_has_a_deadline(line: Line, begun: bytes) -> None:
    await line.say(begun)
    assert await line.at(REQUEST - A_MOMENT) == ""
    assert await line.at(REQUEST) == "closed"


async def test_each_request_has_its_own_deadline(line: Line) -> None:
    await line.say(GET)
    line.second = 100
    await line.say(b"GET / HT")
    assert await line.at(100 + REQUEST - A_MOMENT) == ""
    assert await line.at(100 + REQUEST) == "closed"


async def test_a_handler_that_waits_for_a_body_wakes_at_the_deadline_and_can_answer(line: Line) -> None:
    await line.say(POST)
    assert (await line.at(REQUEST - A_MOMENT), line.woken) == ("", 0)
    assert (await line.at(REQUEST), line.woken) == ("", 1)
    assert (await line.at(2 * REQUEST - A_MOMENT), line.woken) == ("", 2)
    assert (await line.at(2 * REQUEST), line.woken) == ("aborted", 2)


async def test_a_handler_that_works_has_no_deadline(line: Line) -> None:
    line.may_answer.clear()
    await line.say(GET)
    for second in (1, 100, 200):
        assert await line.at(second) == ""


async def test_a_paused_connection_has_no_deadline(line: Line) -> None:
    line.may_begin.clear()
    await line.say(POST + b"x" * 70_000)  # more than the buffer for an application that does not read
    assert await line.at(100) == ""
    line.may_begin.set()
    await line.rest()
    assert (await line.at(100 + REQUEST - A_MOMENT), line.woken) == ("", 1)
    assert (await line.at(100 + REQUEST), line.woken) == ("", 2)


async def test_an_idle_connection_has_no_deadline(line: Line) -> None:
    await line.say(GET)
    for second in (1, 20, 40):
        assert await line.at(second) == ""  # uvicorn's own timer does this


async def test_stray_bytes_between_requests_start_a_deadline(line: Line) -> None:
    await line.say(GET)
    await line.say(b"\r\n")
    assert await line.at(10) == ""
    assert await line.at(10 + REQUEST - A_MOMENT) == ""
    assert await line.at(10 + REQUEST) == "closed"


@pytest.mark.parametrize("read_at", [None, 30])
async def test_an_unread_answer_has_a_deadline(line: Line, read_at: float | None) -> None:
    await line.say(GET)
    line.wire.unread = 1
    assert await line.at(5) == ""
    begun = 5.0
    if read_at is not None:
        line.wire.unread = 0
        assert await line.at(read_at) == ""
        line.wire.unread = 1
        begun = read_at + 10
        assert await line.at(begun) == ""
    assert await line.at(begun + ANSWER_SECONDS - A_MOMENT) == ""
    assert await line.at(begun + ANSWER_SECONDS) == "aborted"
