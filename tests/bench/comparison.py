"""Measures the variants in turn, A B C A B C …, so that what else the machine does falls on all of them alike."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from msgspec import Struct

from tests.bench.checking import Reference, count_registrations
from tests.bench.cores import resident_mib
from tests.bench.dataset import Dataset
from tests.bench.load import Failed, Load, Measurement
from tests.bench.loops import Loop
from tests.bench.progress import say
from tests.bench.scenarios import Scenario
from tests.bench.servers import Missing, Server, Variant, require, started

WARM_UP_SECONDS = 1


class Pace(Struct, frozen=True):
    """How often and how long each is measured."""

    rounds: int
    seconds: int
    warm_up: bool
    """Each is put under load once before the rounds, which fills caches and lets Node compile."""
    followers: int


class Result(Struct, kw_only=True):
    """What a variant came to, a measurement a round; or why it was not timed."""

    variant: str
    label: str
    rounds: list[Measurement] = []
    failure: str | None = None

    def middle(self, field: str) -> float:
        """The median of a field of the measurements."""
        return median(getattr(one, field) for one in self.rounds)


class Comparison(Struct, kw_only=True):
    """A scenario and how each variant did; the first is eventorg."""

    scenario: str
    title: str
    connections: int
    results: list[Result]

    def of(self, variant: str) -> Result | None:
        """A variant's result, if it was timed."""
        return next((result for result in self.results if result.variant == variant and result.rounds), None)

    def ratio(self, variant: str) -> float | None:
        """How many times as many requests a second eventorg answers: the median over the rounds."""
        ours, theirs = self.of("eventorg"), self.of(variant)
        return over(ours, theirs, "rate") if ours and theirs else None

    def ratio_by_cpu(self, variant: str) -> float | None:
        """How many times as many requests eventorg answers with the same processor time."""
        ours, theirs = self.of("eventorg"), self.of(variant)
        return over(theirs, ours, "cpu_us") if ours and theirs else None


def over(one: Result, other: Result, field: str) -> float:
    """The median over the rounds of one's field divided by the other's."""
    pairs = zip(one.rounds, other.rounds, strict=True)
    return median(getattr(mine, field) / max(getattr(yours, field), 1e-9) for mine, yours in pairs)


class Footprint(Struct, frozen=True):
    """What a server takes: seconds to its first answer, and MiB resident after all the load."""

    variant: str
    label: str
    start_seconds: float
    resident_mib: float


class Fleet:
    """The servers that are compared, all of them running, each on a copy of the file."""

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
        return Comparison(scenario=scenario.name, title=scenario.title, connections=load.connections, results=results)

    def footprints(self) -> list[Footprint]:
        """What each server takes by now."""
        return [
            Footprint(name, server.variant.label, server.start_seconds, resident_mib(server.process.pid))
            for name, server in self._servers.items()
        ]

    def _can_run(self, name: str) -> bool:
        return name in self._servers or not self._chosen[name].command


@contextmanager
def running_fleet(data: Dataset, variants: list[Variant], folder: Path) -> Iterator[Fleet]:
    """Those of the variants that can be had here; the others are named on standard error."""
    servers: dict[str, Server] = {}
    with ExitStack() as stack:
        for variant in variants:
            say(f"starting {variant.label}")
            database = copy_of(data.path, folder / f"{variant.name}.db")
            if not variant.command:
                continue
            try:
                require(variant)
                servers[variant.name] = stack.enter_context(started(variant, database))
            except (Missing, Failed) as error:
                say(f"{variant.label}: {error}", stays=True)
        yield Fleet(data, servers, variants, folder)


def copy_of(source: Path, target: Path) -> Path:
    """A copy of a database that is closed."""
    return Path(shutil.copyfile(source, target))


def _measure(server: Server, scenario: Scenario, load: Load, seconds: int) -> Measurement:
    """Raises `Failed`, also if fewer registrations were kept than were answered."""
    counted = scenario.writes and not server.variant.is_limit
    before = count_registrations(server.database) if counted else 0
    measured = server.measure(load, seconds)
    if counted and count_registrations(server.database) - before < measured.requests:
        raise Failed("fewer registrations were kept than were answered.")
    return measured


@contextmanager
def _noting(result: Result) -> Iterator[None]:
    try:
        yield
    except Failed as error:
        result.failure = str(error)
        result.rounds.clear()
