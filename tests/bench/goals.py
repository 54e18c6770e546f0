"""The goals for eventorg on two cores. A run reports which ones it met."""

from collections.abc import Iterator
from statistics import median

from tests.bench.results import Goal, Results

_PYTHON_PEERS = ("fastapi", "django", "alchemy")
_SLOWEST_GROWTH = 1.3
MIN_ROUNDS = 2
RATIOS = [
    # scenario, compared with, least ratio of eventorg's rate to theirs
    ("event", ("bare",), 0.78),
    ("event", _PYTHON_PEERS, 10.0),
    ("event", ("fastify",), 0.60),
    ("participants", ("bare",), 0.50),
    ("participants", _PYTHON_PEERS, 12.0),
    ("participants", ("fastify",), 1.0),
    ("all-participants", ("sqlite3",), 0.80),
    ("list", _PYTHON_PEERS, 3.0),
    ("list", ("fastify",), 1.0),
    ("register", ("bare",), 0.35),
    ("register", ("gateless",), 0.97),
    ("register", ("single",), 1.8),
    ("register", _PYTHON_PEERS, 10.0),
    ("register", ("fastify",), 1.2),
    ("rsvp", _PYTHON_PEERS, 6.0),
    ("rsvp", ("fastify",), 1.0),
]


def judge(results: Results) -> list[Goal]:
    """Returns the goals whose numbers were measured in this run. One round judges nothing."""
    if results.pace.rounds < MIN_ROUNDS:
        return []
    return [goal for goal in _goals(results) if goal.measured is not None]


def _goals(results: Results) -> Iterator[Goal]:
    by_name = {comparison.scenario: comparison for comparison in results.comparisons}
    for scenario, variants, bound in RATIOS:
        for variant in variants:
            if (comparison := by_name.get(scenario)) and (they := comparison.of(variant)):
                yield _at_least(f"{scenario}: eventorg / {variant}", bound, they.ratio, they.ratio_by_cpu)
    if (register := by_name.get("register")) and (normal := register.of("normal")) and normal.ratio:
        by_cpu = 1 / normal.ratio_by_cpu if normal.ratio_by_cpu else None
        yield _at_most("register: synchronous=NORMAL / FULL", 1.3, 1 / normal.ratio, by_cpu)
    for meanwhile in results.meanwhile:
        if meanwhile.what == "logins":
            yield _at_most(f"reads' p99 during {meanwhile.others} logins / without", 2.0, meanwhile.p99_ratio)
    if followers := results.followers:
        yield _at_most("KiB for each follower", 60, max(followers.kib_each))
        yield _at_least(f"reads with {followers.followers} followers / without", 0.9, followers.reads_ratio)
        yield _at_most("ms until the last follower is told", 250, max(followers.last_told_ms))
    for growth in results.growths:
        small, *_, large = growth.registrations
        name = f"{growth.scenario}: {small:,} / {large:,} registrations"
        yield _at_most(name, _SLOWEST_GROWTH, growth.slowdown, growth.slowdown_by_cpu)
    for file in results.files:
        name = f"seconds to the first answer from {file.registrations:,} registrations"
        yield _at_most(name, 2.0, median(file.start_seconds))
    if results.start_seconds:
        yield _at_most("seconds to the first answer", 1.5, median(results.start_seconds))
    for footprint in results.footprints:
        if footprint.variant == "eventorg":
            yield _at_most("MiB resident after the load", 130, footprint.resident_mib)


def _at_least(name: str, bound: float, measured: float | None, by_cpu: float | None = None) -> Goal:
    met = None if measured is None else measured >= bound
    return Goal(name=name, bound=f">= {bound:g}", measured=measured, by_cpu=by_cpu, met=met)


def _at_most(name: str, bound: float, measured: float | None, by_cpu: float | None = None) -> Goal:
    met = None if measured is None else measured <= bound
    return Goal(name=name, bound=f"<= {bound:g}", measured=measured, by_cpu=by_cpu, met=met)
