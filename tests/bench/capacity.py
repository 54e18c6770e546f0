"""Tells for the README how far one machine goes, from the results of a run."""

from collections.abc import Iterator
from statistics import median

from tests.bench.crowds import Stage
from tests.bench.results import Results

_RATES = {
    "register": "registrations in a second, each on the disk before its response",
    "rsvp": "answers in a second (`PUT /events/{id}/rsvp`), likewise",
    "event": "reads of an event in a second",
    "list": "lists of 20 events in a second",
    "card": "cards in a second",
    "identity": "Telegram users in a second (`PUT /identities/telegram/{id}`)",
}


def capacity(results: Results) -> str:
    """Returns a table of what was measured, and the machine."""
    rows = "".join(f"| {what} | {value} |\n" for what, value in _rows(results))
    machine = results.machine
    return (
        f"| one process with one file | measured |\n|---|---|\n{rows}\n"
        f"Measured on {results.made_at[:10]} with eventorg {results.version} on {machine.cores} cores "
        f"({machine.processor}).\n"
        f"The server has one of them, and a file with {results.registrations:,} registrations.\n"
    )


def _rows(results: Results) -> Iterator[tuple[str, str]]:
    by_name = {comparison.scenario: comparison for comparison in results.comparisons}
    for scenario, what in _RATES.items():
        if (comparison := by_name.get(scenario)) and (summary := comparison.of("eventorg")):
            yield what, f"{summary.rate:,.0f}"
    yield from _crowds({stage.name: stage for stage in results.crowds})
    if followers := results.followers:
        told = median(followers.last_told_ms)
        yield (
            f"{followers.followers:,} clients that wait at `GET /changes`",
            f"{max(followers.kib_each):.0f} KiB of memory each; the last one has a change after {told:.0f} ms",
        )
    for footprint in results.footprints:
        if footprint.variant == "eventorg":
            yield "memory after the load", f"{footprint.resident_mib:.0f} MiB"
    if results.files:
        small, *_, large = results.files
        each = (large.size - small.size) / (large.registrations - small.registrations)
        yield "file size for each registration, with its share of users, events, and changes", f"{each:,.0f} bytes"
    for file in results.files:
        yield f"start after a clean stop, {file.registrations:,} registrations", f"{median(file.start_seconds):.1f} s"
    slowdowns = {one.scenario: one.slowdown_by_cpu for one in results.growths if one.slowdown_by_cpu}
    if slowdowns:
        small_count, *_, large_count = results.growths[0].registrations
        worst = max(slowdowns, key=lambda name: slowdowns[name])
        yield (
            f"processor time of a request with {large_count:,} registrations, compared with {small_count:,}",
            f"{min(slowdowns.values()):.2f} × to {slowdowns[worst]:.2f} × (`{worst}`)",
        )


def _crowds(stages: dict[str, Stage]) -> Iterator[tuple[str, str]]:
    if (broadcast := stages.get("broadcast")) and (deliveries := stages.get("deliveries")):
        yield (
            f"a broadcast to {broadcast.count:,} people",
            f"{median(broadcast.seconds):.1f} s until all messages can be leased; a bot can lease and acknowledge "
            f"{deliveries.count / median(deliveries.seconds):,.0f} in a second",
        )
    if cards := stages.get("cards"):
        yield (
            f"a new card for {cards.count:,} messages in chats",
            f"{median(cards.seconds):.1f} s until a bot has leased and acknowledged all",
        )
