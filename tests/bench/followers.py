"""Measures the cost and the delay of many clients that wait at `GET /changes`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from statistics import median

import httpx
from msgspec import Struct

from tests.bench import cores
from tests.bench.comparison import Pace
from tests.bench.dataset import BOT_TOKEN, Dataset
from tests.bench.load import Failed, Measurement
from tests.bench.progress import say
from tests.bench.scenarios import SCENARIOS
from tests.bench.servers import VARIANTS, Server, started

TIMEOUT_SECONDS = 30
_AT_ONCE = 50
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Followers(Struct, kw_only=True):
    """Measurements with many waiting clients, one value for each round: memory per client, reads of an event without
    and with them, and the time from the request of a change until the last client received it."""

    followers: int
    kib_each: list[float] = []
    without: list[Measurement] = []
    during: list[Measurement] = []
    last_told_ms: list[float] = []

    @property
    def reads_ratio(self) -> float:
        """Returns the rate of reads with followers divided by the rate without: the median over the rounds."""
        return median(one.rate / other.rate for one, other in zip(self.during, self.without, strict=True))


def measure_followers(data: Dataset, pace: Pace) -> Followers:
    """Measures while all callers follow the largest event and one of them leaves it. Raises `Failed`."""
    reads = SCENARIOS[0].load(data)
    found = Followers(followers=min(pace.followers, len(data.callers) - pace.rounds))
    with started(VARIANTS[0], data.path) as server:
        if pace.warm_up:
            server.measure(reads, pace.seconds)
        for number in range(pace.rounds):
            say(f"followers, round {number + 1} of {pace.rounds}")
            found.without.append(server.measure(reads, pace.seconds))
            asyncio.run(_follow(server, data, pace, found, data.tokens[-1 - number]))
            cores.settle(server.process.pid)
    return found


async def _follow(server: Server, data: Dataset, pace: Pace, found: Followers, leaver: str) -> None:
    after = _head(server, data)
    before = cores.resident_mib(server.process.pid)
    async with AsyncExitStack() as stack:
        waiting: list[Connection] = []
        for token in data.tokens[: found.followers]:
            connection = await stack.enter_async_context(_connected(server))
            waiting.append(connection)
            _ask(connection, f"GET /changes?after={after}&timeout={TIMEOUT_SECONDS}", token)
        await asyncio.to_thread(cores.settle, server.process.pid)
        found.kib_each.append((cores.resident_mib(server.process.pid) - before) * 1024 / len(waiting))
        found.during.append(await asyncio.to_thread(server.measure, SCENARIOS[0].load(data), pace.seconds))
        actor = await stack.enter_async_context(_connected(server))
        told = [asyncio.create_task(_told(connection)) for connection in waiting]
        await asyncio.sleep(0)  # lets all of them start to listen
        asked = asyncio.get_running_loop().time()
        _ask(actor, f"DELETE /events/{data.largest}/register", leaver)
        found.last_told_ms.append((max(await asyncio.gather(*told)) - asked) * 1000)


async def _told(connection: Connection) -> float:
    """Returns the time of the answer. Raises `Failed` if it does not contain the change."""
    reader, _ = connection
    head = await reader.readuntil(b"\r\n\r\n")
    now = asyncio.get_running_loop().time()
    body = await reader.readuntil(b"}]")
    if not head.startswith(b"HTTP/1.1 200") or b"registration.cancelled" not in body:
        raise Failed(f"a follower received {body!r}.")
    return now


def _head(server: Server, data: Dataset) -> int:
    """Returns the number of the last change, from the feed of a bot that sees all changes."""
    after = data.size.changes
    while True:
        answer = server.client.get(
            "/changes", params={"after": after, "limit": 1000}, headers={"Authorization": f"Bearer {BOT_TOKEN}"}
        )
        page = answer.raise_for_status().json()
        after = page["next"]
        if not page["changes"]:
            return int(after)


def _ask(connection: Connection, request: str, token: str) -> None:
    head = f"{request} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n"
    connection[1].write(head.encode())


@asynccontextmanager
async def _connected(server: Server) -> AsyncIterator[Connection]:
    url = httpx.URL(server.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    try:
        yield reader, writer
    finally:
        writer.close()
