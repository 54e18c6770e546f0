"""The results as a picture: how many requests a second each variant answers, kind by kind."""

import importlib.util
from pathlib import Path

from tests.bench.comparison import Comparison
from tests.bench.results import Results

SHOWN = ("event", "participants", "register")
_OURS, _LIMITS, _PEERS = "#0b7a75", "#9aa5b1", "#d1a054"
_LIMIT_NAMES = ("bare", "sqlite3", "normal", "single")


def can_draw() -> bool:
    """Whether matplotlib is here; it comes with the extra `bench`."""
    return importlib.util.find_spec("matplotlib") is not None


def draw(results: Results, path: Path) -> bool:
    """Writes an SVG; False if nothing was measured that it shows."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    shown = [one for one in results.comparisons if one.scenario in SHOWN and one.of("eventorg")]
    if not shown:
        return False
    style = {"svg.fonttype": "none", "svg.hashsalt": "eventorg", "font.family": "sans-serif", "font.size": 9}
    with rc_context(style):
        heights = [len(_bars(one)) + 1 for one in shown]
        figure = Figure(figsize=(8, 0.27 * sum(heights) + 0.5), layout="constrained")
        axes = figure.subplots(len(shown), squeeze=False, height_ratios=heights)
        for axis, comparison in zip(axes[:, 0], shown, strict=True):
            _draw_one(axis, comparison)
        machine = results.machine
        figure.supxlabel(
            f"requests a second, the median of {results.pace.rounds} rounds; one process on one core of "
            f"{machine.processor}; × is how many times as many eventorg answers",
            fontsize=7,
        )
        figure.savefig(path, format="svg", metadata={"Date": None})
    return True


def _bars(comparison: Comparison) -> list[tuple[str, str, float, float | None]]:
    """Variant, label, rate and ratio, the fastest first."""
    bars = [
        (one.variant, one.label, one.middle("rate"), comparison.ratio(one.variant))
        for one in comparison.results
        if one.rounds and one.variant != "sqlite3"  # a loop without a server: it would dwarf the rest
    ]
    return sorted(bars, key=lambda bar: -bar[2])


def _draw_one(axis, comparison: Comparison) -> None:  # type: ignore[no-untyped-def]
    bars = _bars(comparison)
    colours = [_OURS if name == "eventorg" else _LIMITS if name in _LIMIT_NAMES else _PEERS for name, *_ in bars]
    drawn = axis.barh([label for _, label, _, _ in bars], [rate for _, _, rate, _ in bars], color=colours)
    texts = [f"{rate:,.0f}" + (f"  ({ratio:.2g} ×)" if name != "eventorg" else "") for name, _, rate, ratio in bars]
    axis.bar_label(drawn, texts, padding=3, fontsize=8)
    axis.invert_yaxis()
    axis.margins(x=0.18)
    axis.set_title(comparison.title, loc="left", fontsize=9, fontweight="bold")
    axis.spines[["top", "right", "bottom"]].set_visible(False)
    axis.tick_params(length=0)
    axis.set_xticks([])
