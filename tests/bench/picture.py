"""Draws the results: the requests per second of each variant, by kind of request.

Runs where matplotlib is: `.bench/peers/bin/python -m tests.bench.picture results.json results.svg`.
"""

import sys
from pathlib import Path

import msgspec
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.bench.comparison import Comparison, Result, Summary
from tests.bench.results import Results

SHOWN = ("event", "participants", "list", "register", "rsvp")
_OURS, _LIMITS, _PEERS = "#0b7a75", "#9aa5b1", "#d1a054"
_LIMIT_NAMES = ("bare", "sqlite3", "normal", "gateless", "single")


def draw(results: Results, path: Path) -> None:
    """Writes an SVG, unless there is nothing to show."""
    shown = [one for one in results.comparisons if one.scenario in SHOWN and one.of("eventorg")]
    if not shown:
        return
    style = {"svg.fonttype": "none", "svg.hashsalt": "eventorg", "font.family": "sans-serif", "font.size": 9}
    with rc_context(style):
        heights = [len(_bars(one)) + 1 for one in shown]
        figure = Figure(figsize=(8, 0.27 * sum(heights) + 0.5), layout="constrained")
        axes = figure.subplots(len(shown), squeeze=False, height_ratios=heights)
        for axis, comparison in zip(axes[:, 0], shown, strict=True):
            _draw_one(axis, comparison)
        machine = results.machine
        figure.supxlabel(
            f"Requests a second, median of {results.pace.rounds}; × is eventorg's divided by theirs. "
            f"Each is one process on one core ({machine.processor}).",
            fontsize=7,
        )
        figure.savefig(path, format="svg", metadata={"Date": None})


def _bars(comparison: Comparison) -> list[tuple[Result, Summary]]:
    """Returns the results to show, the fastest first. The loop without a server would dwarf them."""
    bars = [(one, one.summary) for one in comparison.results if one.summary and one.variant != "sqlite3"]
    return sorted(bars, key=lambda bar: -bar[1].rate)


def _draw_one(axis: Axes, comparison: Comparison) -> None:
    bars = _bars(comparison)
    drawn = axis.barh(
        [result.label for result, _ in bars],
        [summary.rate for _, summary in bars],
        color=[_color(result.variant) for result, _ in bars],
    )
    texts = [f"{summary.rate:,.0f}  ({summary.ratio:.2f} ×)" if summary.ratio else "" for _, summary in bars]
    axis.bar_label(drawn, texts, padding=3, fontsize=8)
    axis.invert_yaxis()
    axis.margins(x=0.18)
    axis.set_title(comparison.title, loc="left", fontsize=9, fontweight="bold")
    axis.spines[["top", "right", "bottom"]].set_visible(False)
    axis.tick_params(length=0)
    axis.set_xticks([])


def _color(variant: str) -> str:
    if variant == "eventorg":
        return _OURS
    return _LIMITS if variant in _LIMIT_NAMES else _PEERS


if __name__ == "__main__":
    numbers, picture = map(Path, sys.argv[1:])
    draw(msgspec.json.decode(numbers.read_bytes(), type=Results), picture)
