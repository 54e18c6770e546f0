"""Moves times by the clock on the wall of a time zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from eventorg.domain.values import Instant, rfc3339


def local_time(at: Instant, timezone: str) -> datetime:
    """Returns what the clocks of a time zone show, without the zone."""
    return datetime.fromisoformat(at).astimezone(ZoneInfo(timezone)).replace(tzinfo=None, fold=0)


def at_local_time(local: datetime, timezone: str) -> Instant:
    """Returns the time at which the clocks of a time zone show `local`.

    A time that the clocks leave out is later by the gap. One that they show twice is the first (RFC 5545, section
    3.3.5).
    """
    return rfc3339(local.replace(tzinfo=ZoneInfo(timezone), fold=0).astimezone(UTC))


def after(at: Instant, elapsed: timedelta) -> Instant:
    """Returns the time when this much time has passed since `at`."""
    return rfc3339(datetime.fromisoformat(at) + elapsed)


def elapsed_between(start: Instant, end: Instant) -> timedelta:
    """Returns the time that passes between two times."""
    return datetime.fromisoformat(end) - datetime.fromisoformat(start)
