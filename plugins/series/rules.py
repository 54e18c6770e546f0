"""Recurrence rules (RFC 5545, section 3.3.10), as far as a series uses them, and the dates that they name."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

from dateutil.rrule import DAILY, MONTHLY, WEEKLY, YEARLY, rrule, weekday
from msgspec import Struct

from eventorg.plugin import Refused

MAX_LENGTH: Final = 500
LAST_YEAR: Final = 2199
"""Occurrences start in this year at the latest."""

Frequency = Literal["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]

_FREQUENCIES: Final = {"DAILY": DAILY, "WEEKLY": WEEKLY, "MONTHLY": MONTHLY, "YEARLY": YEARLY}
_SUB_DAILY: Final = ("SECONDLY", "MINUTELY", "HOURLY")
_OTHER_PARTS: Final = (
    *("BYSECOND", "BYMINUTE", "BYHOUR", "BYYEARDAY", "BYWEEKNO", "BYMONTH", "BYSETPOS", "WKST", "RSCALE", "SKIP"),
)
_PARTS: Final = ("FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "COUNT", "UNTIL")
_DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_DAY: Final = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
_MONTH_DAY: Final = re.compile(r"[+-]?\d{1,2}", re.ASCII)
_NUMBER: Final = re.compile(r"\d+", re.ASCII)
_UNTIL: Final = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)Z)?", re.ASCII)
_MAX_NTH: Final = {"MONTHLY": 5, "YEARLY": 53}
_MAX_MONTH_DAY: Final = 31
_ENOUGH: Final = 100_000
"""An interval of this many days is longer than all years of events. Larger ones are the same."""
_SHIFT: Final = 19 * 400
"""The calendar repeats itself every 400 years, weekdays included. dateutil searches up to the year 9999 for a date that
does not exist, so the search begins close to it."""


class Rule(Struct, frozen=True, kw_only=True):
    """A recurrence rule. `until` is a time in UTC, or a date with its whole day."""

    frequency: Frequency
    interval: int = 1
    days: tuple[tuple[int | None, int], ...] = ()
    """Weekdays from Monday, 0, each with its place in the month or year, or None for every one."""
    month_days: tuple[int, ...] = ()
    count: int | None = None
    until: datetime | date | None = None


class Place(Struct, frozen=True):
    """A date that a rule names, and its number: the first event has number 1."""

    date: str
    number: int


@lru_cache(maxsize=1_000)
def parse(written: str) -> Rule:
    """Returns the rule that a text spells. Raises `Refused` with the texts of the broken rule."""
    if not written.isascii():
        raise _refused("rrule_syntax", "В правиле только латинские буквы.", "A rule has ASCII characters only.")
    parts = _split(written)
    rule = Rule(
        frequency=_frequency(parts),
        interval=_number(parts, "INTERVAL") or 1,
        days=tuple(_day(each) for each in _values(parts, "BYDAY")),
        month_days=tuple(_month_day(each) for each in _values(parts, "BYMONTHDAY")),
        count=_number(parts, "COUNT"),
        until=_until(parts["UNTIL"]) if "UNTIL" in parts else None,
    )
    _check(rule)
    return rule


def places_after(rule: Rule, start: datetime, timezone: str, reached: Place) -> Iterator[Place]:
    """Yields the dates that a rule names after a place, in order. `start` is the local time of the first event.

    The first event counts even if the rule does not name its day. A search from any later date that the rule names is
    the same as from the first, because intervals are counted from either.
    """
    number = reached.number
    begin = datetime.combine(date.fromisoformat(reached.date), start.time())
    for found in _dates(rule, begin):
        if found <= begin:
            continue
        number += 1
        if rule.count is not None and number > rule.count:
            return
        if found.year > LAST_YEAR or is_past(rule, found, timezone):
            return
        yield Place(found.date().isoformat(), number)


def is_past(rule: Rule, local: datetime, timezone: str) -> bool:
    """Returns true if a local time is after the end of a rule."""
    if isinstance(rule.until, datetime):
        return local.replace(tzinfo=ZoneInfo(timezone)).astimezone(UTC) > rule.until
    return rule.until is not None and local.date() > rule.until


def _dates(rule: Rule, begin: datetime) -> Iterator[datetime]:
    found = rrule(
        _FREQUENCIES[rule.frequency],
        dtstart=begin.replace(year=begin.year + _SHIFT),
        interval=min(rule.interval, _ENOUGH),
        byweekday=[weekday(day, nth) for nth, day in rule.days] or None,
        bymonthday=rule.month_days or None,
    )
    for each in found:
        yield each.replace(year=each.year - _SHIFT)


def _split(written: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in written.upper().split(";"):
        name, equals, value = part.partition("=")
        if name in _OTHER_PARTS and equals:
            raise _unsupported(f"«{name}» не поддерживается.", f"“{name}” is not supported.")
        if name not in _PARTS or not value:
            raise _broken("часть", "the part", part)
        if name in parts:
            raise _broken("повтор части", "a second", name)
        parts[name] = value
    return parts


def _frequency(parts: dict[str, str]) -> Frequency:
    match parts.get("FREQ"):
        case "DAILY" | "WEEKLY" | "MONTHLY" | "YEARLY" as frequency:
            return frequency
        case frequency if frequency in _SUB_DAILY:
            raise _unsupported("Чаще раза в день нельзя.", "A series cannot repeat more often than once a day.")
        case None:
            raise _refused("rrule_syntax", "В правиле нет FREQ.", "The rule has no FREQ.")
        case frequency:
            raise _broken("FREQ", "the FREQ", frequency)


def _number(parts: dict[str, str], name: str) -> int | None:
    written = parts.get(name)
    if written is None:
        return None
    if not _NUMBER.fullmatch(written) or not written.strip("0"):
        raise _broken(name, f"the {name}", written)
    return int(written)


def _values(parts: dict[str, str], name: str) -> list[str]:
    return parts[name].split(",") if name in parts else []


def _day(written: str) -> tuple[int | None, int]:
    match = _DAY.fullmatch(written)
    if match is None or (match[1] and not int(match[1])):
        raise _broken("день недели", "the weekday", written)
    return int(match[1]) if match[1] else None, _DAYS.index(match[2])


def _month_day(written: str) -> int:
    if not _MONTH_DAY.fullmatch(written) or not 1 <= abs(int(written)) <= _MAX_MONTH_DAY:
        raise _broken("день месяца", "the day of the month", written)
    return int(written)


def _until(written: str) -> datetime | date:
    match = _UNTIL.fullmatch(written)
    if match is None:
        raise _broken("UNTIL (дата или время UTC)", "the UNTIL (a date, or a time in UTC)", written)
    try:
        if match[4] is None:
            return date(*map(int, match.groups()[:3]))
        return datetime(*map(int, match.groups()), tzinfo=UTC)  # type: ignore[arg-type, misc]
    except ValueError:
        raise _broken("UNTIL", "the UNTIL", written) from None


def _check(rule: Rule) -> None:
    """Raises `Refused` for parts that do not go together."""
    if rule.count is not None and rule.until is not None:
        raise _refused("rrule_syntax", "COUNT и UNTIL исключают друг друга.", "A rule has COUNT or UNTIL, not both.")
    nths = [abs(nth) for nth, _ in rule.days if nth is not None]
    if nths and max(nths) > _MAX_NTH.get(rule.frequency, 0):
        raise _refused(
            "rrule_syntax",
            f"Номер дня недели не подходит к {rule.frequency}.",
            f"The number of a weekday does not go with {rule.frequency}.",
        )
    if rule.month_days and rule.frequency == "WEEKLY":
        raise _refused("rrule_syntax", "BYMONTHDAY не подходит к WEEKLY.", "BYMONTHDAY does not go with WEEKLY.")


def _broken(ru: str, en: str, value: str) -> Refused:
    shown = value[:50]
    return _refused("rrule_syntax", f"Неверно: {ru} «{shown}».", f"The rule has {en} “{shown}”, which is invalid.")


def _unsupported(ru: str, en: str) -> Refused:
    only = f"{', '.join(_FREQUENCIES)}; {', '.join(_PARTS[1:])}"
    return _refused("rrule_unsupported", f"{ru} Можно: {only}.", f"{en} Use {only}.")


def _refused(code: str, ru: str, en: str) -> Refused:
    return Refused(code, ru=ru, en=en)
