"""A long mixed load on one server: `python -m tests.bench.soak --minutes 30`.

People read and answer, streams follow the changes, a bot hands out what is in the outbox and edits cards, and a host
sends broadcasts. It shows the server's memory, the size of its write-ahead log, and the number of 5xx responses. The
exit status is 1 if there was a 5xx or a broken connection, if the log passed 64 MiB, or if the memory of the last
quarter is more than a tenth above that of the second one.
"""

import argparse
import asyncio
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx
from msgspec import Struct

from tests.bench import cores
from tests.bench.dataset import BOT_TOKEN, FOUND, MEDIUM, Dataset, prepare
from tests.bench.environments import WORK
from tests.bench.servers import VARIANTS, Server, started

PEOPLE: Final = 16
"""Clients that send one request after the other."""
STREAMS: Final = 200
BROADCASTS: Final = 18
"""An event has at most 20 in a day."""
CARDS: Final = 500
MAX_WAL_MIB: Final = 64
MAX_GROWTH: Final = 1.1
SAMPLES: Final = 120
_PAUSE_SECONDS: Final = 0.05
_STREAM_SECONDS: Final = 20
_SERVER_ERROR: Final = 500
_READS: Final = ("", "/participants", "/card?locale=ru")
_LISTS: Final = (f"/events?q={FOUND}&limit=20", "/events?limit=20", "/changes?limit=20")


class Sample(Struct, frozen=True, kw_only=True):
    """The state after a number of seconds."""

    seconds: float
    memory_mib: float
    wal_mib: float
    answers: int
    server_errors: int
    broken: int


class Soak:
    """The load, and the counted responses."""

    def __init__(self, server: Server, data: Dataset, seconds: float) -> None:
        self._server = server
        self._data = data
        self._seconds = seconds
        self._dice = random.Random(0)
        self._broken = 0
        self.statuses: Counter[int] = Counter()

    async def run(self, show: Callable[[Sample], None]) -> list[Sample]:
        """Runs the load, and returns the samples. Each is shown when it is taken."""
        samples: list[Sample] = []
        unlimited = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=self._server.url, timeout=60, limits=unlimited) as client:
            self._client = client
            await self._place_cards()
            began = time.monotonic()
            jobs = [self._broadcast, self._lease_deliveries, self._show_cards]
            jobs += [self._be_a_person] * PEOPLE + [self._follow] * STREAMS
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._repeat(job)) for job in jobs]
                for number in range(1, SAMPLES + 1):
                    await asyncio.sleep(began + self._seconds * number / SAMPLES - time.monotonic())
                    samples.append(self._look(time.monotonic() - began))
                    show(samples[-1])
                for task in tasks:
                    task.cancel()
        return samples

    async def _repeat(self, job: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            try:
                await job()
            except httpx.TransportError:
                self._broken += 1
                await asyncio.sleep(1)

    def _look(self, seconds: float) -> Sample:
        log = Path(f"{self._server.database}-wal")
        return Sample(
            seconds=seconds,
            memory_mib=cores.resident_mib(self._server.process.pid),
            wal_mib=log.stat().st_size / 2**20 if log.exists() else 0,
            answers=self.statuses.total(),
            server_errors=sum(count for status, count in self.statuses.items() if status >= _SERVER_ERROR),
            broken=self._broken,
        )

    async def _ask(self, method: str, path: str, body: object = None, token: str = BOT_TOKEN) -> Any:
        """Returns the answer, or an empty one for a refusal, for example of somebody who has left already."""
        answer = await self._client.request(method, path, json=body, headers=_by(token))
        self.statuses[answer.status_code] += 1
        return answer.json() if answer.is_success else {}

    async def _be_a_person(self) -> None:
        data, dice = self._data, self._dice
        token, place = dice.choice(data.tokens), f"/events/{dice.choice(data.hundreds)}"
        await self._ask("GET", f"{place}{dice.choice(_READS)}", token=token)
        await self._ask("GET", dice.choice(_LISTS), token=token)
        answers = [{"answer": answer} for answer in ("going", "maybe", "declined")]
        writes = [("POST", "register", {}), ("DELETE", "register", None), *(("PUT", "rsvp", each) for each in answers)]
        method, what, body = dice.choice(writes)
        await self._ask(method, f"{place}/{what}", body, token)
        profile = {"first_name": dice.choice(["Анна", "Аня"]), "locale": "ru"}
        await self._ask("PUT", f"/identities/telegram/{dice.choice(data.telegram_ids)}", profile)
        await asyncio.sleep(_PAUSE_SECONDS)

    async def _follow(self) -> None:
        headers = _by(self._dice.choice(self._data.tokens)) | {"Accept": "text/event-stream"}
        until = time.monotonic() + _STREAM_SECONDS * (0.5 + self._dice.random())
        async with self._client.stream("GET", "/changes?after=latest", headers=headers) as answer:
            self.statuses[answer.status_code] += 1
            async for _ in answer.aiter_bytes():
                if time.monotonic() > until:
                    break

    async def _broadcast(self) -> None:
        await self._ask(
            "POST", f"/events/{self._data.largest}/broadcasts", {"text": "Встречаемся у входа."}, self._data.organizer
        )
        await asyncio.sleep(self._seconds / BROADCASTS)

    async def _lease_deliveries(self) -> None:
        await self._work_off("deliveries", {"result": "sent"})
        await asyncio.sleep(_PAUSE_SECONDS)

    async def _show_cards(self) -> None:
        await self._work_off("placements", {"result": "shown"}, timeout=5)

    async def _work_off(self, what: str, result: dict[str, str], **wish: int) -> None:
        leased = await self._ask("POST", f"/{what}/lease", {"limit": 100} | wish)
        results = [
            result | {name: each[name] for name in ("id", "etag") if name in each} for each in leased.get(what, [])
        ]
        if results:
            await self._ask("POST", f"/{what}/ack", {"results": results})

    async def _place_cards(self) -> None:
        for number in range(CARDS):
            event = self._data.hundreds[number % len(self._data.hundreds)]
            place = {"chat_id": "soak", "message_id": str(number), "locale": "ru", "names": 20}
            await self._ask("PUT", f"/events/{event}/placements", place)


def faults(samples: list[Sample]) -> Iterator[str]:
    """Yields what is wrong, in one sentence each."""
    quarter = len(samples) // 4
    warm, last = (
        median(one.memory_mib for one in part) for part in (samples[quarter : 2 * quarter], samples[-quarter:])
    )
    if last > warm * MAX_GROWTH:
        yield f"The memory grew from {warm:.0f} to {last:.0f} MiB."
    if (largest := max(one.wal_mib for one in samples)) > MAX_WAL_MIB:
        yield f"The write-ahead log had {largest:.0f} MiB."
    if errors := samples[-1].server_errors:
        yield f"{errors} responses were 5xx."
    if broken := samples[-1].broken:
        yield f"{broken} connections broke."


def main() -> None:
    """Runs the load for as long as the arguments say."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.soak", description="Put a long mixed load on a server."
    )
    parser.add_argument("--minutes", type=float, default=30, metavar="N", help="the length of the load (30)")
    minutes = parser.parse_args().minutes
    os.sched_setaffinity(0, cores.LOAD_CORES)
    WORK.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=WORK) as folder:
        data = prepare(Path(folder, "soak.db"), MEDIUM)
        with started(VARIANTS[0], data.path) as server:
            soak = Soak(server, data, minutes * 60)
            samples = asyncio.run(soak.run(_show))
    print("responses by status:", dict(sorted(soak.statuses.items())))
    found = list(faults(samples))
    print(*(found or ["The memory is flat, the log is bounded, and no response was 5xx."]), sep="\n")
    sys.exit(1 if found else 0)


def _show(one: Sample) -> None:
    print(
        f"{one.seconds:7.0f} s  {one.memory_mib:6.1f} MiB  log {one.wal_mib:5.1f} MiB  {one.answers:9,} responses  "
        f"{one.server_errors} × 5xx  {one.broken} broken",
        flush=True,
    )


def _by(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


if __name__ == "__main__":
    main()
