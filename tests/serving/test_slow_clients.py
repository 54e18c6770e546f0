"""Clients that send slowly, read slowly, or are too many: they are disconnected, and no other client waits."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from resource import RLIM_INFINITY, RLIMIT_NOFILE

import httpx
import pytest

from eventorg.serving import protocol as connections
from eventorg.settings import Settings
from eventorg.storage.sqlite import connect_writer
from eventorg.testing import Server, User, running
from eventorg.web import bodies
from tests.programs import APP, serving

pytestmark = pytest.mark.anyio

CLIENTS = 200
PAUSE = 0.25
BODY = b'{"title": "Slow", "start_time": "2100-01-01T10:00:00Z", "end_time": "2100-01-01T12:00:00Z"}'
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with short deadlines. A request has two checks of the deadlines, which are a second apart."""
    path = tmp_path_factory.mktemp("slow") / "eventorg.db"
    with (
        pytest.MonkeyPatch.context() as patch,
        running(Settings(plugins="none", database=str(path), log_level="error")) as server,
    ):
        patch.setattr(bodies, "REQUEST_SECONDS", 2.0)
        patch.setattr(connections, "ANSWER_SECONDS", 1.0)
        yield server


@pytest.fixture(scope="module")
def user(quick: Server) -> User:
    return quick.sign_up()


@asynccontextmanager
async def connected(server: Server) -> AsyncIterator[Streams]:
    url = httpx.URL(server.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def read_answer(reader: asyncio.StreamReader) -> bytes:
    top = await reader.readuntil(b"\r\n\r\n")
    (length,) = re.findall(rb"content-length: (\d+)", top)
    return top + await reader.readexactly(int(length))


def head(user: User, length: int) -> bytes:
    lines = ("POST /events HTTP/1.1", "Host: x", f"Authorization: Bearer {user.token}", "Accept-Language: en")
    return "\r\n".join((*lines, "Content-Type: application/json", f"Content-Length: {length}", "", "")).encode()


async def trickle(server: Server, at_once: bytes, slowly: bytes) -> bytes:
    """Sends the rest one byte at a time. Returns what the client receives until the server closes the connection."""
    async with connected(server) as (reader, writer):
        writer.write(at_once)

        async def go_on() -> None:
            for byte in slowly:
                await asyncio.sleep(PAUSE)
                writer.write(bytes([byte]))

        going_on = asyncio.create_task(go_on())
        try:
            return await asyncio.wait_for(reader.read(), 20)
        except ConnectionResetError:
            return b""
        finally:
            going_on.cancel()


async def served_meanwhile(user: User, clients: "asyncio.Future[list[bytes]]") -> list[bytes]:
    """Returns what the clients receive. Another client is served several times before they end."""
    served = 0
    while not clients.done():
        await asyncio.to_thread(user.create_event)
        served += 1
        await asyncio.sleep(0.1)
    assert served > 2
    return clients.result()


async def test_slow_bodies_are_408_and_delay_no_other_client(quick: Server, user: User) -> None:
    clients = asyncio.gather(*(trickle(quick, head(user, len(BODY)), BODY) for _ in range(CLIENTS)))
    answers = [answer for answer in await served_meanwhile(user, clients) if answer]
    assert (
        len(answers) > CLIENTS / 2
    )  # a byte after the close resets the connection, possibly before the answer is read
    for answer in answers:
        top, _, body = answer.partition(b"\r\n\r\n")
        assert top.startswith(b"HTTP/1.1 408 ")
        assert b"content-type: application/problem+json" in top
        assert b"connection: close" in top.lower()
        assert b'"code":"request_timeout"' in body


async def test_slow_heads_are_disconnected_and_delay_no_other_client(quick: Server, user: User) -> None:
    clients = asyncio.gather(*(trickle(quick, b"", head(user, 0)) for _ in range(CLIENTS)))
    assert set(await served_meanwhile(user, clients)) == {b""}


async def test_a_body_that_never_comes_is_408(quick: Server, user: User) -> None:
    assert (await trickle(quick, head(user, len(BODY)), b"")).startswith(b"HTTP/1.1 408 ")


async def test_a_chunked_body_in_time_is_accepted(quick: Server, user: User) -> None:
    async with connected(quick) as (reader, writer):
        for piece in (head(user, len(BODY)), BODY[:20], BODY[20:]):
            writer.write(piece)
            await asyncio.sleep(PAUSE)
        assert (await reader.read(100)).startswith(b"HTTP/1.1 201 ")


@pytest.mark.parametrize(
    ("at_once", "slowly"),
    [
        (b"", b""),
        (b"GET /health HTTP/1.1\r\nHost: x\r\nX-Long: ", b"x" * 99),
        (b"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n", b"x" * 99),
        (b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", b"\r\n" * 99),
    ],
    ids=["nothing", "a header", "a body nobody reads", "blank lines between requests"],
)
async def test_an_endless_request_is_disconnected(quick: Server, at_once: bytes, slowly: bytes) -> None:
    assert not await trickle(quick, at_once, slowly) or at_once.endswith(b"\r\n\r\n")


async def test_an_unread_answer_is_aborted_and_holds_no_resources(quick: Server, user: User) -> None:
    for _ in range(30):
        user.create_event(description="x" * 4_000)
    size = len(user.get("/events?limit=1000").content)
    asked = 40_000_000 // size  # more than the kernel buffers for a connection
    url = httpx.URL(quick.url)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect((url.host, url.port))
        client.settimeout(10)
        client.sendall(b"GET /events?limit=1000 HTTP/1.1\r\nHost: x\r\n\r\n" * asked)
        await asyncio.sleep(0.5)
        user.create_event()
        with closing(connect_writer(quick.settings.database_path)) as other:  # the client does not hold a snapshot
            assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
        await asyncio.sleep(2.5)  # two checks, a second apart
        got = 0
        try:
            while some := client.recv(2**20):
                got += len(some)
        except ConnectionResetError:
            pass
    assert 0 < got < asked * size / 2


async def test_an_excess_connection_is_503_until_others_end(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("many") / "eventorg.db"
    few_files = ("sh", "-c", 'ulimit -n 150 && exec "$@"', "sh", *APP)  # fifty connections
    with serving(path, program=few_files) as server:
        answers: list[bytes] = []
        async with AsyncExitStack() as stack:
            for _ in range(80):
                reader, writer = await stack.enter_async_context(connected(server))
                writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\nAccept-Language: en\r\n\r\n")
                answers.append(await asyncio.wait_for(read_answer(reader), 10))
        assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers[:50])
        for refused in answers[50:]:
            assert refused.startswith(b"HTTP/1.1 503 ")
            assert b"retry-after: 1" in refused
            assert b'"code":"busy"' in refused
        await asyncio.to_thread(server.wait_for, lambda: server.client.get("/health").status_code == 200)


async def test_an_excess_connection_gets_retry_after_and_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 2)
    with running(Settings(plugins="none", database=str(tmp_path / "eventorg.db"), log_level="error")) as server:
        async with AsyncExitStack() as stack:
            answers = []
            for _ in range(3):
                reader, writer = await stack.enter_async_context(connected(server))
                writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\nAccept-Language: en\r\n\r\n")
                answers.append(await asyncio.wait_for(read_answer(reader), 10))
            assert await asyncio.wait_for(reader.read(), 20) == b""  # earlier than an idle connection is closed
    assert [answer.split(maxsplit=2)[1] for answer in answers] == [b"200", b"200", b"503"]
    top, _, body = answers[2].partition(b"\r\n\r\n")
    assert {b"retry-after: 1", b"connection: close"} <= set(top.lower().split(b"\r\n"))
    assert json.loads(body)["code"] == "busy"


@pytest.mark.parametrize(
    ("soft", "hard", "room", "asked"),
    [
        (1_024, 4_096, 3_996, 4_096),
        (1_024, 1_000_000, 10_000, 10_100),
        (1_024, RLIM_INFINITY, 10_000, 10_100),
        (10_100, 20_000, 10_000, None),
        (20_000, RLIM_INFINITY, 10_000, None),
        (RLIM_INFINITY, RLIM_INFINITY, 10_000, None),
        (256, 256, 156, None),
        (64, 64, 1, None),
    ],
)
def test_the_file_limit_is_raised_for_all_connections(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, room: int, asked: int | None
) -> None:
    limits: list[tuple[int, tuple[int, int]]] = []
    monkeypatch.setattr("resource.getrlimit", {RLIMIT_NOFILE: (soft, hard)}.__getitem__)
    monkeypatch.setattr("resource.setrlimit", lambda *limit: limits.append(limit))
    assert connections.raise_file_limit() == room
    assert limits == [(RLIMIT_NOFILE, (asked, hard))] * (asked is not None)


@pytest.mark.slow
async def test_a_thousand_followers_are_served_at_once(
    quick: Server, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventorg.domain.waiting.MAX_WAITING", 1_000)  # one caller stands for many
    ask = f"GET /changes?after=%d&timeout=20 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {user.token}\r\n\r\n"
    last = user.get("/changes?limit=1000").json()["next"]
    async with AsyncExitStack() as stack:
        followers = []
        for _ in range(1_000):
            reader, writer = await stack.enter_async_context(connected(quick))
            writer.write((ask % last).encode())
            followers.append(reader)
        await asyncio.sleep(5)
        await asyncio.to_thread(user.create_event)
        told = await asyncio.wait_for(asyncio.gather(*(read_answer(reader) for reader in followers)), 15)
        assert all(answer.startswith(b"HTTP/1.1 200 ") and b"event.created" in answer for answer in told)
