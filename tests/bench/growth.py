"""Measures the same requests on a small file and on a large one, in turn."""

from contextlib import ExitStack

from msgspec import Struct

from tests.bench.comparison import WARM_UP_SECONDS, Pace, Result, over
from tests.bench.dataset import Dataset
from tests.bench.load import Failed
from tests.bench.progress import say
from tests.bench.scenarios import Scenario
from tests.bench.servers import VARIANTS, started


class Growth(Struct, kw_only=True):
    """A scenario, measured on files with these numbers of registrations."""

    scenario: str
    title: str
    registrations: list[int]
    results: list[Result]
    failure: str | None = None
    slowdown: float | None = None
    """The rate on the small file divided by the rate on the large one: the median over the rounds."""
    slowdown_by_cpu: float | None = None
    """The processor time per request on the large file divided by that on the small one."""


class File(Struct, frozen=True, kw_only=True):
    """A file of a size, and the time until a server on one core answers from it after a clean stop."""

    registrations: int
    size: int
    """In bytes, with its users, events and changes."""
    start_seconds: list[float]


def measure_files(datasets: list[Dataset], pace: Pace) -> list[File]:
    """Starts a server on each file several times. The first one looks for damage, because the file is not its own."""
    return [_measure_file(data, pace) for data in datasets]


def _measure_file(data: Dataset, pace: Pace) -> File:
    took = []
    for number in range(-1, pace.rounds):
        say(f"start, {data.size.name}, round {number + 1} of {pace.rounds}")
        with started(VARIANTS[0], data.path) as server:
            took.append(server.start_seconds)
    size = data.path.stat().st_size
    return File(registrations=data.size.registrations, size=size, start_seconds=took[1:])


def measure_growth(datasets: list[Dataset], scenarios: list[Scenario], pace: Pace) -> list[Growth]:
    """Measures the scenarios. Changes the files."""
    eventorg = VARIANTS[0]
    with ExitStack() as stack:
        servers = [(data, stack.enter_context(started(eventorg, data.path))) for data in datasets]
        found = []
        for scenario in scenarios:
            growth = Growth(
                scenario=scenario.name,
                title=scenario.title,
                registrations=[data.size.registrations for data in datasets],
                results=[Result(variant=data.size.name, label=data.size.name) for data in datasets],
            )
            found.append(growth)
            try:
                for number in range(-pace.warm_up, pace.rounds):
                    for result, (data, server) in zip(growth.results, servers, strict=True):
                        say(f"growth, {scenario.name}, round {number + 1} of {pace.rounds}: {data.size.name}")
                        measured = server.measure(scenario.load(data), WARM_UP_SECONDS if number < 0 else pace.seconds)
                        if number >= 0:
                            result.rounds.append(measured)
            except Failed as error:
                growth.failure = str(error)
                continue
            small, large = growth.results[0], growth.results[-1]
            growth.slowdown = over(small.rounds, large.rounds, "rate")
            growth.slowdown_by_cpu = over(large.rounds, small.rounds, "cpu_us")
            for result in growth.results:
                result.sum_up()
        return found
