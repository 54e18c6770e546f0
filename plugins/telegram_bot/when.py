"""Reads an event from one message: `Football Fri 19:00 2h, 12 seats, Luzhniki`, in Russian or English.

Parts with a fixed form are found by patterns; what names a day is read by dateparser. What is left is the title and the
place.
"""

import re
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from .phrases import (
    AT,
    BEFORE,
    CLOCK,
    DATES,
    DAY,
    DOTTED,
    EDGES,
    FLAGS,
    GUESTS,
    HOUR,
    LENGTH,
    LINKS,
    MASK,
    MONTH_STEMS,
    MONTHS,
    NO_WAITLIST,
    NOON,
    RANGE,
    SEATS,
    WEEKDAY,
    WEEKDAYS,
)

HOURS: Final = 2
"""The length of an event that says nothing about it."""
MAX_LENGTH: Final = timedelta(days=31)


class NoSuchDayError(ValueError):
    """A message names a day that is in no calendar, such as 31 November."""


class Draft(Struct, frozen=True, kw_only=True):
    """What a message says about an event."""

    title: str = ""
    start: datetime | None = None
    end: datetime | None = None
    location: str | None = None
    capacity: int | None = None
    max_guests: int | None = None
    has_waitlist: bool = True
    is_past: bool = False
    """True if the day and time are over."""


def read(text: str, now: datetime, zone: ZoneInfo) -> Draft:
    """Returns what a message says. Times are in the zone; `now` is the current time in any. Raises `NoSuchDayError`."""
    now = now.astimezone(zone)
    reader = _Reader(text)
    seats, guests = reader.take(SEATS), reader.take(GUESTS)
    has_waitlist = reader.take(NO_WAITLIST) is None
    clock, until = _take_clock(reader)
    length = _take_length(reader)
    day = _take_day(reader, now, clock, reader.clock_at)
    title, location = reader.rest()
    start = end = None
    is_past = False
    if clock is not None:
        start = datetime.combine(day or now.date(), clock, zone)
        if day is None and start <= now:
            start = datetime.combine(now.date() + timedelta(days=1), clock, zone)
        is_past = start <= now
        end = _end(start, until, length)
    return Draft(
        title=title,
        start=start,
        end=end,
        location=location or None,
        capacity=int(seats[1]) if seats and int(seats[1]) else None,
        max_guests=(min(int(guests[1] or 0), 20)) if guests else None,
        has_waitlist=has_waitlist,
        is_past=is_past,
    )


class _Reader:
    """A text of which parts are taken, so that the rest is left."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.clock_at = 0

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Finds the first match and takes it out."""
        found = pattern.search(self.text)
        return self.remove(found) if found else None

    def remove(self, found: re.Match[str]) -> re.Match[str]:
        """Takes a match out."""
        self.text = self.text[: found.start()] + MASK * len(found[0]) + self.text[found.end() :]
        return found

    def rest(self) -> tuple[str, str]:
        """Returns the title and the place: what stands before the first part that was taken, and what follows."""
        segments = [
            _trim(part)
            for segment in re.split(r"[,;\n]|(?<!\S)@(?=\s)", self.text)
            for part in re.split(f"{MASK}+", segment)
        ]
        left = [segment for segment in segments if segment]
        return (left[0], ", ".join(left[1:])) if left else ("", "")


def _trim(segment: str) -> str:
    before = None
    while before != segment:
        before, segment = segment, LINKS.sub("", segment.strip(EDGES)).strip(EDGES)
    return segment


def _take_clock(reader: _Reader) -> tuple[time | None, time | None]:
    """Returns the time of the start and, if it is said, that of the end."""
    for found in RANGE.finditer(reader.text):
        if not found["from"] and DATES.fullmatch(found[0]):
            continue
        is_marked = found["from"] or found[3] or found[5] or _ends_with_day(reader.text[: found.start()])
        begin, until = _time(found[2], found[3]), _time(found[4], found[5])
        if is_marked and begin and until:
            reader.remove(found)
            reader.clock_at = found.start()
            return begin, until
    for pattern in (CLOCK, HOUR, AT, DOTTED):
        for found in pattern.finditer(reader.text):
            half = found[3] if pattern.groups > 2 else None
            if (begin := _time(found[1], found[2], half)) is not None:
                reader.remove(found)
                reader.clock_at = found.start()
                return begin, None
    if noon := NOON.search(reader.text):
        reader.remove(noon)
        reader.clock_at = noon.start()
        return time(12 if noon[1].lower() in ("noon", "полдень") else 0), None
    return None, None


def _ends_with_day(text: str) -> bool:
    """Returns true for `30.11` and `Fri`, after which `19-21` is a time."""
    end = len(text.rstrip(" ,"))
    return any(found.end() == end for pattern in (DAY, WEEKDAY) for found in pattern.finditer(text[:end]))


def _time(hour: str, minute: str | None, half: str | None = None) -> time | None:
    """Returns a time of day, or None if there is none such."""
    number, half = int(hour), (half or "").lower()
    if half in ("pm", "вечера", "дня") and number < 12:
        number += 12
    elif half in ("am", "утра", "ночи") and number == 12:
        number = 0
    elif half == "ночи" and 9 <= number < 12:
        number += 12
    if number > 23 or int(minute or 0) > 59:
        return None
    return time(number, int(minute or 0))


def _take_length(reader: _Reader) -> timedelta | None:
    for found in LENGTH.finditer(reader.text):
        if not (found[1] or found[2]):
            continue
        length = timedelta(hours=float((found[1] or "0").replace(",", ".")), minutes=int(found[2] or 0))
        if timedelta(0) < length <= MAX_LENGTH:
            reader.remove(found)
            return length
    return None


def _take_day(reader: _Reader, now: datetime, clock: time | None, near: int) -> date | None:
    """Returns the day that stands nearest to the time: a title can have one too, such as Black Friday. Raises
    `NoSuchDayError` if that one does not exist."""
    days = [*WEEKDAY.finditer(reader.text), *DAY.finditer(reader.text)]
    for found in sorted(days, key=lambda each: min(abs(each.start() - near), abs(each.end() - near))):
        day = _weekday(found, now, clock) if "day" in found.groupdict() else _parse_day(found[0], now)
        if day is not None:
            reader.remove(found)
            return day
    return None


def _weekday(found: re.Match[str], now: datetime, clock: time | None) -> date:
    """Returns the next such day: today only if the time is still to come. `next` is that of the next week."""
    wanted = WEEKDAYS[found["day"].lower()]
    if found["last"]:
        return now.date() - timedelta(days=(now.weekday() - wanted) % 7 or 7)
    if found["next"]:
        return now.date() + timedelta(days=7 - now.weekday() + wanted)
    ahead = (wanted - now.weekday()) % 7
    if ahead == 0 and (clock is None or clock <= now.time()):
        ahead = 7
    return now.date() + timedelta(days=ahead)


def _parse_day(text: str, now: datetime) -> date | None:
    import dateparser  # here, because it takes a moment, and most messages are none

    text = re.sub(r"^(?:on|в)\s+", "", text, flags=FLAGS)
    today = now.date()
    if text.lower() in BEFORE:
        return today - timedelta(days=BEFORE[text.lower()])
    if ago := re.fullmatch(r"(\d+)\s+(d|w|д|н)\w+\s+(?:ago|назад)", text, FLAGS):
        return today - timedelta(days=min(int(ago[1]), 999) * (7 if ago[2].lower() in "wн" else 1))
    if numbers := re.fullmatch(r"(\d{1,2})[./](\d{1,2})(?:[./](\d{2,4}))?", text):
        return _numbered(int(numbers[1]), int(numbers[2]), numbers[3], today)
    if numbers := re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", text):
        return _numbered(int(numbers[3]), int(numbers[2]), numbers[1], today)
    if month := _month(text):
        day, year = re.search(r"(?<!\d)\d{1,2}(?!\d)", text), re.search(r"\d{4}", text)
        assert day
        return _numbered(int(day[0]), month, year and year[0], today)
    text = re.sub(r"^(через)\s+(недел|день)", r"\1 1 \2", text, flags=FLAGS).replace("tonight", "today")
    text = re.sub(r"(\d)-?го\b", r"\1", text)
    parsed = dateparser.parse(
        text,
        languages=["ru", "en"],
        settings={
            "RELATIVE_BASE": now.replace(tzinfo=None),
            "PREFER_DATES_FROM": "future",
        },
    )
    return parsed.date() if parsed else None


def _month(text: str) -> int | None:
    """Returns the number of the month that a text names, or None."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    return next(
        (
            at
            for word in words
            for at, stems in enumerate(MONTH_STEMS, 1)
            if re.fullmatch(MONTHS, word) and word.startswith(stems)
        ),
        None,
    )


def _numbered(day: int, month: int, year: str | None, today: date) -> date:
    """Returns the next such day and month, or that of a year. Raises `NoSuchDayError`."""
    years = [int(year) + (2000 if len(year) < 4 else 0)] if year else [today.year, today.year + 1]
    for each in years:
        with suppress(ValueError):  # no such day: 31.02, or 29.02 in this year
            found = date(each, month, day)
            if year or found >= today:
                return found
    raise NoSuchDayError


def _end(start: datetime, until: time | None, length: timedelta | None) -> datetime:
    """Returns the end by the clock on the wall. An end before the start is on the next day."""
    if until is not None:
        end = datetime.combine(start.date(), until, start.tzinfo)
        return end if end > start else datetime.combine(start.date() + timedelta(days=1), until, start.tzinfo)
    return (start.astimezone(UTC) + (length or timedelta(hours=HOURS))).astimezone(start.tzinfo)


def read_times(
    text: str, now: datetime, zone: ZoneInfo, old: tuple[datetime, datetime] | None = None
) -> tuple[datetime, datetime] | None:
    """Returns the start and the end that a text names, or None. What it does not name is that of `old`, if given: the
    day, the time of day, the length. Raises `NoSuchDayError`."""
    now = now.astimezone(zone)
    reader = _Reader(text)
    clock, until = _take_clock(reader)
    length = _take_length(reader)
    day = _take_day(reader, now, clock, reader.clock_at)
    if clock is None and (day is None or old is None):
        return None
    if clock is None and old:
        clock = old[0].astimezone(zone).time()
    assert clock is not None
    if day is None:
        day = old[0].astimezone(zone).date() if old else now.date()
    start = datetime.combine(day, clock, zone)
    if old is None and start <= now and day == now.date() and not DAY.search(text) and not WEEKDAY.search(text):
        start = datetime.combine(day + timedelta(days=1), clock, zone)
    if length is None and until is None and old:
        length = old[1] - old[0]
    return start, _end(start, until, length)


def read_length(text: str) -> timedelta | None:
    """Returns the length that a text names, such as `90 min`, `1.5 h` or `2`, or None."""
    reader = _Reader(text.strip())
    if re.fullmatch(r"\d{1,2}(?:[.,]\d+)?", reader.text):
        reader.text += " h"
    return _take_length(reader)
