"""Prints the results as text."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, repeat
from statistics import median
from typing import Final

from tests.bench.comparison import Comparison, Summary
from tests.bench.growth import Growth
from tests.bench.load import Measurement
from tests.bench.results import Results
from tests.bench.servers import VARIANTS

_LAST_OF_ONE: Final = 2
"""The last row of a scenario without ratios."""


def render(results: Results) -> str:
    """Returns tables of medians and ratios."""
    return "\n".join(_lines(results)) + "\n"


def _lines(results: Results) -> Iterator[str]:
    machine, pace = results.machine, results.pace
    yield f"eventorg {results.version}, {results.made_at}"
    yield f"{machine.processor}, {machine.cores} cores, {machine.memory_gib} GiB, {machine.system}"
    yield f"Python {machine.python}, SQLite {machine.sqlite}, node {machine.node or 'none'}, wrk {machine.wrk}"
    yield f"{results.users:,} users, {results.events:,} events, {results.registrations:,} registrations"
    yield f"{pace.rounds} rounds of {pace.seconds} s each; one process on one core, the load on another"
    if results.comparisons:
        yield ""
        yield from _compare(results.comparisons)
    if results.growths:
        yield ""
        yield "eventorg as the file grows"
        yield from _table(
            ["", "registrations", "requests/s", "CPU µs", "slower", "by CPU"], list(_growth_rows(results.growths))
        )
    yield from _files(results)
    yield from _meanwhile(results)
    yield from _crowds(results)
    yield from _followers(results)
    if results.footprints:
        yield ""
        yield "After the load"
        rows = [[one.label, f"{one.start_seconds:.2f}", f"{one.resident_mib:.0f}"] for one in results.footprints]
        yield from _table(["", "s to start, on one core", "MiB resident"], rows)
    if results.start_seconds:
        yield ""
        yield f"eventorg's first answer after {_spread(results.start_seconds, 2)} s, on all cores"
    if results.goals:
        yield ""
        yield "What it means to reach"
        rows = [
            [
                goal.name,
                goal.bound,
                f"{goal.measured:.2f}",
                f"{goal.by_cpu:.2f}" if goal.by_cpu else "",
                "yes" if goal.met else "no",
            ]
            for goal in results.goals
        ]
        yield from _table(["", "goal", "measured", "by CPU", "met"], rows)


def _compare(comparisons: list[Comparison]) -> Iterator[str]:
    """Returns one table of all scenarios, with eventorg, its limits, and its peers side by side."""
    labels = {one.variant: one.label for comparison in comparisons for one in comparison.results}
    names = [variant.name for variant in VARIANTS if variant.name in labels]
    rows = [row for comparison in comparisons for row in _rows(comparison, names)]
    yield from _table(["", "", *names], rows)
    yield ""
    yield from (f"{name}: {labels[name]}" for name in names)
    yield "eventorg is: its requests per second divided by theirs; by CPU: their processor time divided by its"
    for comparison in comparisons:
        for one in comparison.results:
            if one.failure:
                yield f"{comparison.scenario}, {one.label}: not timed: {one.failure}"


def _rows(comparison: Comparison, names: list[str]) -> Iterator[list[str]]:
    found = {name: comparison.of(name) for name in names}
    values: dict[str, Callable[[Summary], str]] = {
        "requests/s": lambda one: f"{one.rate:,.0f}",
        "p99 ms": lambda one: f"{one.p99_ms:.1f}",
        "CPU µs": lambda one: f"{one.cpu_us:,.0f}",
        "eventorg is": lambda one: _times(one.ratio),
        "by CPU": lambda one: _times(one.ratio_by_cpu),
    }
    titles = chain([comparison.title, f"{comparison.connections} connections"], repeat(""))
    is_alone = sum(one is not None for one in found.values()) == 1
    for number, (title, (what, show)) in enumerate(zip(titles, values.items(), strict=False)):
        if not (is_alone and number > _LAST_OF_ONE):
            yield [title, what, *(show(one) if one else "" for one in found.values())]


def _growth_rows(growths: list[Growth]) -> Iterator[list[str]]:
    for growth in growths:
        if growth.failure:
            yield [growth.scenario, f"not timed: {growth.failure}"]
            continue
        for count, result in zip(growth.registrations, growth.results, strict=True):
            is_last = result is growth.results[-1]
            assert result.summary  # only failed results have none
            yield [
                growth.scenario,
                f"{count:,}",
                f"{result.summary.rate:,.0f}",
                f"{result.summary.cpu_us:,.0f}",
                _times(growth.slowdown if is_last else None),
                _times(growth.slowdown_by_cpu if is_last else None),
            ]


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f} x"


def _files(results: Results) -> Iterator[str]:
    if results.files:
        yield ""
        rows = [
            [
                f"{one.registrations:,}",
                f"{one.size / 2**20:,.1f}",
                f"{one.size / one.registrations:,.0f}",
                _spread(one.start_seconds, 2),
            ]
            for one in results.files
        ]
        yield from _table(["registrations", "MiB", "bytes each", "s to start, on one core"], rows)


def _crowds(results: Results) -> Iterator[str]:
    if results.crowds:
        yield ""
        rows = [
            [one.title, f"{one.count:,}", f"{median(one.seconds):.2f}", f"{median(one.cpu_seconds):.2f}"]
            for one in results.crowds
        ]
        yield from _table(["Crowds", "number", "seconds", "CPU seconds"], rows)


def _meanwhile(results: Results) -> Iterator[str]:
    for one in results.meanwhile:
        yield ""
        yield f"Reads of an event over {one.readers} connections while {one.others} {one.what} are under way"
        rows = [
            ["reads alone", *_reads(one.alone)],
            ["reads meanwhile", *_reads(one.during)],
            [one.what, *_reads(one.of_others)],
        ]
        yield from _table(["", "requests/s", "p50 ms", "p99 ms"], rows)


def _followers(results: Results) -> Iterator[str]:
    if followers := results.followers:
        yield ""
        yield f"{followers.followers:,} who wait for news at /changes"
        rows = [["reads without them", *_reads(followers.without)], ["reads with them", *_reads(followers.during)]]
        yield from _table(["", "requests/s", "p50 ms", "p99 ms"], rows)
        yield f"KiB for each: {_spread(followers.kib_each, 0)}"
        yield f"ms until the last is told of a change: {_spread(followers.last_told_ms, 0)}"


def _reads(rounds: list[Measurement]) -> list[str]:
    return [
        f"{median(one.rate for one in rounds):,.0f}",
        f"{median(one.p50_ms for one in rounds):.2f}",
        f"{median(one.p99_ms for one in rounds):.2f}",
    ]


def _spread(values: list[float], digits: int) -> str:
    return f"{median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def _table(head: Sequence[str], rows: list[list[str]]) -> Iterator[str]:
    """Returns aligned columns, with numbers to the right. A row with fewer cells does not widen a column."""
    whole = [row for row in [list(head), *rows] if len(row) == len(head)]
    widths = [max(len(row[place]) for row in whole) for place in range(len(head))]
    widths[0] = max(len(row[0]) for row in [list(head), *rows])
    for row in [list(head), *rows]:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=False)]
        yield "  ".join(cells).rstrip()
