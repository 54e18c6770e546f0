"""Measures what one act means for a crowd: a broadcast to 5,000 people, and the card of an event in 1,000 messages."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from msgspec import Struct

from tests.bench import cores
from tests.bench.comparison import Pace
from tests.bench.dataset import BOT_TOKEN, Dataset
from tests.bench.load import Failed
from tests.bench.progress import say
from tests.bench.servers import VARIANTS, Server, started

PLACEMENTS: Final = 1_000
LEASE: Final = 100
PATIENCE_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.05


class Stage(Struct, kw_only=True):
    """A part of the work, with one value for each round: the time, and the server's processor time."""

    name: str
    title: str
    count: int
    seconds: list[float] = []
    cpu_seconds: list[float] = []


def measure_crowds(data: Dataset, pace: Pace) -> list[Stage]:
    """Returns the measured stages. One client sends all requests, one after the other. Raises `Failed`."""
    people = data.size.largest
    stages = [
        Stage(name="broadcast", title="POST /events/{id}/broadcasts, until all are in the outbox", count=people),
        Stage(name="deliveries", title=f"lease and acknowledge them, {LEASE} at a time", count=people),
        Stage(name="placements", title="PUT /events/{id}/placements, one at a time", count=PLACEMENTS),
        Stage(name="cards", title=f"lease and acknowledge the new card, {LEASE} at a time", count=PLACEMENTS),
    ]
    broadcast, deliveries, placements, cards = stages
    with started(VARIANTS[0], data.path, cores.ALL_CORES) as server:
        for number in range(pace.rounds):
            say(f"crowds, round {number + 1} of {pace.rounds}")
            event, guest = data.hundreds[-1 - number], data.tokens[-1 - number]
            with _measured(broadcast, server):
                _broadcast(server, f"/events/{data.largest}/broadcasts", data.organizer, people)
            with _measured(deliveries, server):
                work_off(server, "deliveries", people, {"result": "sent"})
            with _measured(placements, server):
                for message in range(PLACEMENTS):
                    place = {"chat_id": f"chat-{number}", "message_id": str(message), "locale": "ru", "names": 20}
                    ask(server, "PUT", f"/events/{event}/placements", place)
            work_off(server, "placements", PLACEMENTS, {"result": "shown"})
            ask(server, "PUT", f"/events/{event}/rsvp", {"answer": "maybe"}, guest)
            with _measured(cards, server):
                work_off(server, "placements", PLACEMENTS, {"result": "shown"})
    return stages


def ask(server: Server, method: str, path: str, body: object = None, token: str = BOT_TOKEN) -> Any:
    """Returns the answer of the server. Raises `Failed` if it refuses."""
    answer = server.client.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"})
    if not answer.is_success:
        raise Failed(f"{method} {path}: it answers {answer.text[:200]!r}.")
    return answer.json()


def work_off(server: Server, what: str, count: int, result: dict[str, str]) -> None:
    """Leases and acknowledges this many deliveries or placements as a bot does. Raises `Failed` if there are fewer."""
    done = 0
    while done < count:
        leased = ask(server, "POST", f"/{what}/lease", {"limit": LEASE})[what]
        if not leased:
            raise Failed(f"there are {done} {what} to lease instead of {count}.")
        results = [result | {name: each[name] for name in ("id", "etag") if name in each} for each in leased]
        ask(server, "POST", f"/{what}/ack", {"results": results})
        done += len(leased)


def _broadcast(server: Server, path: str, token: str, people: int) -> None:
    sent = ask(server, "POST", path, {"text": "Встречаемся у входа в 18:45."}, token)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := ask(server, "GET", f"{path}/{sent['id']}", token=token)["recipients"]) < people:
        if time.monotonic() > deadline:
            raise Failed(f"the broadcast has reached {found} of {people}.")
        time.sleep(_LOOK_SECONDS)


@contextmanager
def _measured(stage: Stage, server: Server) -> Iterator[None]:
    began, used = time.perf_counter(), cores.cpu_seconds(server.process.pid)
    yield
    stage.seconds.append(time.perf_counter() - began)
    stage.cpu_seconds.append(cores.cpu_seconds(server.process.pid) - used)
