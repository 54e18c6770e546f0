"""The calendar entry (RFC 5545) that a mail about an event carries."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from msgspec import Struct

PRODUCT: Final = "-//eventorg//mail 1//EN"
_STATUS: Final = {"draft": "TENTATIVE", "published": "CONFIRMED", "cancelled": "CANCELLED"}
_ESCAPES: Final = str.maketrans({"\\": r"\\", ";": r"\;", ",": r"\,", "\n": r"\n"})
_LINE_BYTES: Final = 75


class CalendarEvent(Struct, frozen=True, kw_only=True):
    """The fields of an event that a calendar entry shows. `version` and `updated_at` follow these fields alone."""

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


def calendar_of(event: CalendarEvent, now: datetime) -> str:
    """Returns a calendar with one entry. Programs that know the event from a feed or a file recognize it by its UID."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:{PRODUCT}",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        f"UID:{event.id}@eventorg",
        f"SEQUENCE:{event.version - 1}",
        f"DTSTAMP:{_time(now.isoformat())}",
        f"CREATED:{_time(event.created_at)}",
        f"LAST-MODIFIED:{_time(event.updated_at)}",
        f"DTSTART:{_time(event.start_time)}",
        f"DTEND:{_time(event.end_time)}",
        f"ORGANIZER:urn:uuid:{event.organizer_id}",
        f"SUMMARY:{event.title.translate(_ESCAPES)}",
        f"DESCRIPTION:{event.description.translate(_ESCAPES)}" if event.description else "",
        f"LOCATION:{event.location.translate(_ESCAPES)}" if event.location else "",
        f"STATUS:{_STATUS[event.status]}",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(f"{part}\r\n" for line in lines if line for part in _fold(line))


def _fold(line: str) -> Iterator[str]:
    """Yields the parts of a line, of at most 75 bytes each (RFC 5545, section 3.1). No character is divided."""
    part, size = "", 0
    for character in line:
        width = len(character.encode())
        if size + width > _LINE_BYTES:
            yield part
            part, size = " ", 1
        part, size = part + character, size + width
    yield part


def _time(text: str) -> str:
    return datetime.fromisoformat(text).strftime("%Y%m%dT%H%M%SZ")
