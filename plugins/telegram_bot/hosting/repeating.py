"""Series: an event that repeats."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from ..api import Problem
from ..screens import in_rows
from .visits import Handlers, Json, Visit

_RULES: Final = {
    "daily": "FREQ=DAILY",
    "weekly": "FREQ=WEEKLY",
    "fortnightly": "FREQ=WEEKLY;INTERVAL=2",
    "monthly": "FREQ=MONTHLY",
}
_NONE: Final = "series_not_found"
_ROW: Final = 2


async def _series(visit: Visit) -> Json | None:
    """Returns the series of the event, or None."""
    try:
        found: Json = await visit.get("/series")
    except Problem as problem:
        if problem.code != _NONE:
            raise
        return None
    return found if found["ended_at"] is None else None


async def _show(visit: Visit, notice: str = "") -> None:
    """Shows the series with its next times, or the ways to repeat the event."""
    series = await _series(visit)
    if series is None:
        buttons = [visit.named(f"repeat_{name}", "repeated", name) for name in _RULES]
        body, rows = visit.say("repeat_ask"), in_rows(buttons, _ROW)
    else:
        body = "\n".join((visit.say("series_next"), *(f"• {each}" for each in _times(visit, series))))
        rows = [[visit.named("series_end", "unrepeat", series["id"])]]
    await visit.show("\n\n".join(filter(None, (notice, body))), [*rows, visit.back()])


def _times(visit: Visit, series: Json) -> list[str]:
    moments = (datetime.fromisoformat(each) for each in series["next_start_times"])
    local = (each.astimezone(ZoneInfo(series["timezone"])) for each in moments)
    return [format_datetime(each, "EE, d MMMM y, HH:mm", locale=visit.language) for each in local]


async def _repeat(visit: Visit, name: str) -> None:
    """Makes the event the first of a series."""
    body = {"event_id": visit.id, "rrule": _RULES[name]}
    await visit.bot.api.call("POST", "/series", visit.person, json=body, key=visit.key)
    await visit.toast(visit.say("repeated"))
    await _show(visit)


async def _end(visit: Visit, series_id: str) -> None:
    """Ends the series. The events that exist stay."""
    await visit.bot.api.call("DELETE", f"/series/{series_id}", visit.person)
    await visit.toast(visit.say("series_ended"))
    await _show(visit)


ACTIONS: Handlers = {"repeat": _show, "repeated": _repeat, "unrepeat": _end}
