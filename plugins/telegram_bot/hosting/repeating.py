"""Series: an event that repeats."""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from dateutil.rrule import rrulestr

from ..api import Problem
from ..screens import in_rows
from .menu import show_menu
from .moments import times_of
from .visits import Handlers, Json, Visit

_RULES: Final = {
    "daily": "FREQ=DAILY",
    "weekly": "FREQ=WEEKLY",
    "fortnightly": "FREQ=WEEKLY;INTERVAL=2",
    "monthly": "FREQ=MONTHLY",
}
_NONE: Final = "series_not_found"
_ROW: Final = 2
_HORIZON: Final = timedelta(days=90)
_MAX_EVENTS: Final = 50
"""A series has its events of the next 90 days, 50 with the first one, and makes the others in time."""


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


async def _ask(visit: Visit, name: str) -> None:
    """Says how many events there would be, and asks."""
    dates = _dates(visit, _RULES[name])
    body = visit.say("series_ask_later")
    if dates:
        until = format_date(dates[-1], "d MMMM y", locale=visit.language)
        body = visit.say("series_ask", count=len(dates), until=until)
    no = visit.named("no", "repeat")
    await visit.confirm(body, [[visit.named("yes", "series", name), no]])


def _dates(visit: Visit, rule: str) -> list[datetime]:
    """Returns the starts of the events that the server makes at once."""
    start = times_of(visit.event)[0]
    zone = start.tzinfo
    now, first = visit.bot.clock(), start.replace(tzinfo=None)
    last = (now + _HORIZON).astimezone(zone).replace(tzinfo=None)
    local_now = now.astimezone(zone).replace(tzinfo=None)
    dates = [each for each in rrulestr(rule, dtstart=first).between(first, last) if each > local_now]
    return dates[: _MAX_EVENTS - (first > local_now)]


async def _repeat(visit: Visit, name: str) -> None:
    """Makes the event the first of a series."""
    body = {"event_id": visit.id, "rrule": _RULES[name]}
    await visit.bot.api.call("POST", "/series", visit.person, json=body, key=visit.key)
    await visit.toast(visit.say("repeated"))
    await _show(visit)


async def _ask_end(visit: Visit, series_id: str) -> None:
    """Asks what becomes of the events to come."""
    rows = [
        [visit.named("series_end_keep", "ended", series_id, 0)],
        [visit.named("series_end_cancel", "ended", series_id, 1)],
        visit.back("repeat"),
    ]
    await visit.confirm(visit.say("series_end_ask"), rows)


async def _end(visit: Visit, series_id: str, cancels: str) -> None:
    """Ends the series. The events that exist stay, or those to come are cancelled."""
    is_all = cancels == "1"
    params = {"cancel": "true"} if is_all else {}
    await visit.bot.api.call("DELETE", f"/series/{series_id}", visit.person, params=params)
    visit.bot.news.set()
    await visit.toast(visit.say("series_cancelled" if is_all else "series_ended"))
    visit.event = await visit.get()
    await show_menu(visit)


ACTIONS: Handlers = {"repeat": _show, "repeated": _ask, "series": _repeat, "unrepeat": _ask_end, "ended": _end}
