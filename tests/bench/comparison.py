"""Measures the variants in turn (A B C A B C …), so that other load on the machine affects all of them."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from msgspec import Struct

from tests.bench.checking import Reference, count_answers
from tests.bench.cores import resident_mib
from tests.bench.dataset import Dataset
from tests.bench.environments import Missing
from tests.bench.load import Failed, Load, Measurement
from tests.bench.loops import Loop
from tests.bench.progress import say
from tests.bench.scenarios import Scenario
from tests.bench.servers import Server, Variant, require, started

WARM_UP_SECONDS = 1


class Pace(Struct, frozen=True):
    """The number and the length of the rounds."""

    rounds: int
    seconds: int
    warm_up: bool
    """True: each variant gets a load before the rounds, which fills caches and lets Node compile."""
    followers: int


class Summary(Struct, frozen=True, kw_only=True):
    """The medians over the rounds, and the lowest and the highest rate. Rates are requests per second."""

    rate: float
    lowest: float
    highest: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    ratio: float | None = None
    """The rate of eventorg divided by this one: the median over the rounds."""
    ratio_by_cpu: float | None = None
    """The same ratio by processor time."""


class Result(Struct, kw_only=True):
    """The measurements of a variant, one for each round, or the reason why there are none."""

    variant: str
    label: str
    rounds: list[Measurement] = []
    summary: Summary | None = None
    failure: str | None = None

    def sum_up(self, eventorg: "Result | None" = None) -> None:
        """Computes the summary if there are rounds, with ratios if eventorg was measured too."""
        if not self.rounds:
            return
        rates = [one.rate for one in self.rounds]
        compared = eventorg if eventorg and eventorg.rounds else None
        self.summary = Summary(
            rate=median(rates),
            lowest=min(rates),
            highest=max(rates),
            p50_ms=median(one.p50_ms for one in self.rounds),
            p99_ms=median(one.p99_ms for one in self.rounds),
            cpu_us=median(one.cpu_us for one in self.rounds),
            ratio=over(compared.rounds, self.rounds, "rate") if compared else None,
            ratio_by_cpu=over(self.rounds, compared.rounds, "cpu_us") if compared else None,
        )


class Comparison(Struct, kw_only=True):
    """A scenario with the results of its variants. The first is eventorg's."""

    scenario: str
    title: str
    connections: int
    results: list[Result]

    def of(self, variant: str) -> Summary | None:
        """Returns the summary of a variant, or None if it was not measured."""
        return next((result.summary for result in self.results if result.variant == variant), None)


def over(ones: list[Measurement], others: list[Measurement], field: str) -> float:
    """Returns the median over the rounds of one's field divided by the other's."""
    ratios: list[float] = [
        getattr(one, field) / max(getattr(other, field), 1e-9) for one, other in zip(ones, others, strict=True)
    ]
    return median(ratios)


class Footprint(Struct, frozen=True):
    """The cost of a server: seconds to its first answer, and resident MiB after the load."""

    variant: str
    label: str
    start_seconds: float
    resident_mib: float


class Fleet:
    """The running servers that are compared, each on a copy of the file."""

    def __init__(self, data: Dataset, servers: dict[str, Server], chosen: list[Variant], folder: Path) -> None:
        self._data = data
        self._servers = servers
        self._chosen = {variant.name: variant for variant in chosen}
        self._folder = folder
        self._reference = Reference(servers["eventorg"], data)

    def compare(self, scenario: Scenario, pace: Pace) -> Comparison:
        """Checks each variant's answers, then measures them in turn."""
        load = scenario.load(self._data)
        names = [name for name in scenario.variants if name in self._chosen]
        results = [Result(variant=name, label=self._chosen[name].label) for name in names if self._can_run(name)]
        loop = Loop(scenario.name, self._folder / "sqlite3.db", self._data)
        for result in results:
            with _noting(result):
                if server := self._servers.get(result.variant):
                    self._reference.check(server, scenario, load)
                    if pace.warm_up:
                        server.measure(load, WARM_UP_SECONDS)
        for number in range(pace.rounds):
            for result in results:
                if result.failure:
                    continue
                say(f"{scenario.name}, round {number + 1} of {pace.rounds}: {result.label}")
                with _noting(result):
                    if server := self._servers.get(result.variant):
                        result.rounds.append(_measure(server, scenario, load, pace.seconds))
                    else:
                        result.rounds.append(loop.measure(pace.seconds))
        for result in results:
            result.sum_up(results[0])
        return Comparison(scenario=scenario.name, title=scenario.title, connections=load.connections, results=results)

    def footprints(self) -> list[Footprint]:
        """Returns the cost of each server."""
        return [
            Footprint(name, server.variant.label, server.start_seconds, resident_mib(server.process.pid))
            for name, server in self._servers.items()
        ]

    def _can_run(self, name: str) -> bool:
        return name in self._servers or not self._chosen[name].command


@contextmanager
def running_fleet(data: Dataset, variants: list[Variant], folder: Path) -> Iterator[Fleet]:
    """Starts the variants that can run here, and names the others on standard error. Raises `Failed` if eventorg
    cannot run."""
    servers: dict[str, Server] = {}
    with ExitStack() as stack:
        for variant in variants:
            say(f"starting {variant.label}")
            database = Path(shutil.copyfile(data.path, folder / f"{variant.name}.db"))
            if not variant.command:
                continue
            try:
                require(variant)
                servers[variant.name] = stack.enter_context(started(variant, database))
            except (Missing, Failed) as error:
                if variant.name == "eventorg":
                    raise
                say(f"{variant.label} is left out: {error}", stays=True)
        yield Fleet(data, servers, variants, folder)


def _measure(server: Server, scenario: Scenario, load: Load, seconds: int) -> Measurement:
    """Measures one round. Raises `Failed`, also if fewer answers were stored than given."""
    counted = scenario.writes and not server.variant.is_limit
    before = count_answers(server.database) if counted else 0
    measured = server.measure(load, seconds)
    if counted and count_answers(server.database) - before < measured.requests:
        raise Failed("fewer answers were stored than given.")
    return measured


@contextmanager
def _noting(result: Result) -> Iterator[None]:
    try:
        yield
    except Failed as error:
        result.failure = str(error)
        result.rounds.clear()
