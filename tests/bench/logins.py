"""How long readers wait while many log in: a password costs a processor 20 ms, and must cost nobody else that."""

import time
from statistics import median

from msgspec import Struct, structs

from tests.bench import cores
from tests.bench.comparison import Pace
from tests.bench.dataset import Dataset
from tests.bench.load import Measurement, Wrk
from tests.bench.progress import say
from tests.bench.scenarios import SCENARIOS, login
from tests.bench.servers import VARIANTS, started

LOGINS = 100
READERS = 8
HEAD_START_SECONDS = 0.3


class Logins(Struct, kw_only=True):
    """Reads of an event without and with a hundred logins under way at any time, a measurement a round."""

    connections: int
    logins: int
    without: list[Measurement] = []
    during: list[Measurement] = []
    logged_in: list[Measurement] = []

    @property
    def p99_ratio(self) -> float:
        """How many times as long the slowest hundredth of the reads waits: the median over the rounds."""
        return median(one.p99_ms / other.p99_ms for one, other in zip(self.during, self.without, strict=True))


def measure_logins(data: Dataset, pace: Pace) -> Logins:
    """The server may use every core, as may the loads. Raises `Failed`."""
    reads = structs.replace(SCENARIOS[0].load(data), connections=READERS)
    logging_in = structs.replace(login(data), connections=LOGINS)
    found = Logins(connections=READERS, logins=LOGINS)
    with started(VARIANTS[0], data.path, cores.ALL_CORES) as server:
        if pace.warm_up:
            server.measure(reads, pace.seconds)
        for number in range(pace.rounds):
            say(f"logins, round {number + 1} of {pace.rounds}")
            found.without.append(server.measure(reads, pace.seconds))
            under_way = Wrk(server.url, logging_in, pace.seconds + 1)
            time.sleep(HEAD_START_SECONDS)
            found.during.append(Wrk(server.url, reads, pace.seconds).finish())
            found.logged_in.append(under_way.finish())
            cores.settle(server.process.pid)
    return found
