"""Times as the bot shows them, in the time zone of an event."""

from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

_DAY_AND_TIME: Final = "EE, d MMMM y, HH:mm"


def when(start: datetime, end: datetime, zone: str, language: str) -> str:
    """Returns two times as text, as cards show them."""
    first, last = (each.astimezone(ZoneInfo(zone)) for each in (start, end))
    until = "HH:mm" if first.date() == last.date() else _DAY_AND_TIME
    begins = format_datetime(first, _DAY_AND_TIME, locale=language)
    return f"{begins} – {format_datetime(last, until, locale=language)} ({zone})"


def moment(value: str, zone: str, language: str) -> str:
    """Returns a time of the API as text, in a zone."""
    local = datetime.fromisoformat(value).astimezone(ZoneInfo(zone))
    return format_datetime(local, _DAY_AND_TIME, locale=language)


def times_of(event: dict[str, Any]) -> tuple[datetime, datetime]:
    """Returns the start and the end of an event in its time zone."""
    zone = ZoneInfo(event["timezone"])
    start, end = (datetime.fromisoformat(event[each]).astimezone(zone) for each in ("start_time", "end_time"))
    return start, end
