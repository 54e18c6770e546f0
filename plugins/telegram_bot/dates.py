"""Times as people read them."""

from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from eventorg.plugin import rfc3339

_PATTERN: Final = "EEE, d MMMM, HH:mm"
_WITH_YEAR: Final = "EEE, d MMMM y, HH:mm"
_SOON: Final = timedelta(days=180)
_BEGUN: Final = timedelta(hours=6)
"""Events that began not longer ago than this are shown: the lists of the server are by start."""


def day_and_time(moment: datetime, zone: str, language: str, now: datetime) -> str:
    """Returns a time in a zone: with the year if it is far away, and with the offset if the clocks show it twice."""
    local = moment.astimezone(ZoneInfo(zone))
    pattern = _PATTERN if abs(moment - now) < _SOON else _WITH_YEAR
    return format_datetime(local, pattern, locale=language) + _offset(local)


def span(event: dict[str, Any], language: str, now: datetime) -> str:
    """Returns when an event is, in its zone."""
    start, end = (datetime.fromisoformat(event[field]) for field in ("start_time", "end_time"))
    zone = event["timezone"]
    first = day_and_time(start, zone, language, now)
    local = end.astimezone(ZoneInfo(zone))
    if start.astimezone(ZoneInfo(zone)).date() == local.date():
        last = f"{local:%H:%M}{_offset(local)}"
    else:
        last = day_and_time(end, zone, language, now)
    return f"{first} – {last} ({zone})"


def begun(now: datetime) -> str:
    """Returns from when on the events of a list begin, as the API writes times."""
    return rfc3339(now - _BEGUN)


def _offset(local: datetime) -> str:
    """Returns the offset if the clocks show this time twice."""
    other = local.replace(fold=1 - local.fold)
    if other.utcoffset() == local.utcoffset():
        return ""
    name = local.strftime("%z")
    return f" (UTC{name[:3]}:{name[3:]})"
