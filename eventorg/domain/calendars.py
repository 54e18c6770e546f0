"""Writes calendars (RFC 5545) that all programs read: only UTC times, and text that survives unchanged."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

_STATUS: Final = {"draft": "TENTATIVE", "published": "CONFIRMED", "cancelled": "CANCELLED"}
_PIECE_BYTES: Final = 74
"""A line has up to 75 bytes (RFC 5545, section 3.1), and one that continues another begins with a space."""


class CalendarEvent(Struct, frozen=True, kw_only=True):
    """The fields of an event that a calendar entry shows.

    `version` and `updated_at` follow these fields alone. Times are in UTC, such as `2027-08-01T09:30:00Z`. A tentative
    entry stays so whatever the status, unless the event is cancelled.
    """

    id: str
    title: str
    description: str | None
    location: str | None
    start_time: str
    end_time: str
    organizer_id: str
    status: str
    created_at: str
    version: int
    updated_at: str
    is_tentative: bool = False


def write_calendar(
    events: Iterable[CalendarEvent],
    now: datetime,
    *,
    product: str,
    name: str | None = None,
    refresh: str | None = None,
) -> bytes:
    """Returns a calendar in UTF-8 with an entry for each event, in the given order.

    A program that knows an event from another calendar recognizes it by its UID. `product` names the program and the
    version of the format, such as `-//example//example 1//EN`. `name` is what a program shows, and `refresh` how often
    it should load the calendar again, as a duration such as `PT1H`.
    """
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:{product}", "METHOD:PUBLISH"]
    if name is not None:
        shown = _escape(name)
        lines += (f"NAME:{shown}", f"X-WR-CALNAME:{shown}")  # the second for programs without RFC 7986
    if refresh is not None:
        lines += (f"REFRESH-INTERVAL;VALUE=DURATION:{refresh}", f"X-PUBLISHED-TTL:{refresh}")
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    for event in events:
        lines += _entry(event, stamp)
    lines += ("END:VCALENDAR", "")
    return b"\r\n".join(map(_fold, lines))


def _entry(event: CalendarEvent, stamp: str) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"SUMMARY:{_escape(event.title)}"
    yield f"DTSTART:{_time(event.start_time)}"
    yield f"DTEND:{_time(event.end_time)}"
    yield f"DTSTAMP:{stamp}"
    yield f"UID:{event.id}@eventorg"  # not the host name, which may change
    yield f"SEQUENCE:{event.version - 1}"
    yield f"CREATED:{_time(event.created_at)}"
    if event.description:
        yield f"DESCRIPTION:{_escape(event.description)}"
    yield f"LAST-MODIFIED:{_time(event.updated_at)}"
    if event.location:
        yield f"LOCATION:{_escape(event.location)}"
    yield f"ORGANIZER:urn:uuid:{event.organizer_id}"  # METHOD:PUBLISH needs one; email is private
    is_tentative = event.is_tentative and event.status != "cancelled"
    yield f"STATUS:{'TENTATIVE' if is_tentative else _STATUS[event.status]}"
    yield "END:VEVENT"


def _escape(text: str) -> str:
    """Returns a text as RFC 5545, section 3.3.11, writes it. Each kind of line break becomes `\\n`."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\\", r"\\").replace(";", r"\;").replace(",", r"\,").replace("\n", r"\n")


def _time(text: str) -> str:
    return text.replace("-", "").replace(":", "")


def _fold(line: str) -> bytes:
    """Returns a line in pieces (RFC 5545, section 3.1). None ends inside a character, or with a backslash or a caret:
    some programs lose what such a character escapes on the next line."""
    octets = line.encode()
    if len(octets) <= _PIECE_BYTES:
        return octets
    pieces, start = [], 0
    while len(octets) - start > _PIECE_BYTES:
        end = start + _PIECE_BYTES
        while octets[end] & 0xC0 == 0x80:  # inside a character
            end -= 1
        if octets[end - 1] in b"\\^":
            end -= 1
        pieces.append(octets[start:end])
        start = end
    pieces.append(octets[start:])
    return b"\r\n ".join(pieces)
