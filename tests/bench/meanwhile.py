"""Measures reads while other requests are served: logins, which take 20 ms of processor time each, and registrations,
which clear the cache of events."""

import time
from collections.abc import Callable
from statistics import median
from typing import Final

from msgspec import Struct, structs

from tests.bench import cores
from tests.bench.comparison import Pace
from tests.bench.dataset import Dataset
from tests.bench.load import Load, Measurement, Wrk
from tests.bench.progress import say
from tests.bench.scenarios import SCENARIOS, login, register
from tests.bench.servers import VARIANTS, started

READERS: Final = 8
HEAD_START_SECONDS: Final = 0.3
OTHERS: Final[dict[str, tuple[Callable[[Dataset], Load], int]]] = {
    "logins": (login, 100),
    "registrations": (register, 16),
}
"""The other requests, and the number of their connections."""


class Meanwhile(Struct, kw_only=True):
    """Reads of an event without and with other requests at the same time, one measurement for each round."""

    what: str
    readers: int
    others: int
    alone: list[Measurement] = []
    during: list[Measurement] = []
    of_others: list[Measurement] = []

    @property
    def p99_ratio(self) -> float:
        """Returns the 99th percentile of reads with others divided by that without: the median over the rounds."""
        return median(one.p99_ms / other.p99_ms for one, other in zip(self.during, self.alone, strict=True))


def measure_meanwhile(what: str, data: Dataset, pace: Pace) -> Meanwhile:
    """Measures with a server and load generators that may use every core. Raises `Failed`."""
    reads = structs.replace(SCENARIOS[0].load(data), connections=READERS)
    load, connections = OTHERS[what]
    others = structs.replace(load(data), connections=connections)
    found = Meanwhile(what=what, readers=READERS, others=connections)
    place = 0
    with started(VARIANTS[0], data.path, cores.ALL_CORES) as server:
        if pace.warm_up:
            server.measure(reads, pace.seconds)
        for number in range(pace.rounds):
            say(f"{what}, round {number + 1} of {pace.rounds}")
            found.alone.append(server.measure(reads, pace.seconds))
            under_way = Wrk(server.url, others, pace.seconds + 1, place)
            time.sleep(HEAD_START_SECONDS)
            found.during.append(Wrk(server.url, reads, pace.seconds).finish())
            found.of_others.append(under_way.finish())
            place += found.of_others[-1].requests + connections
            cores.settle(server.process.pid)
    return found
