"""The contents of calendars: events, as their owner sees them."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from eventorg.plugin import CalendarEvent, write_calendar

PRODUCT = "-//eventorg//calendar_export 1//EN"
"""The version of the format. Raise the number when the format changes, because the tags depend on it."""

REFRESH = "PT1H"
"""The interval at which a calendar program should reload a feed."""


class Entry(Struct, frozen=True, kw_only=True):
    """An event in a calendar.

    `version` and `updated_at` follow what the entry shows of the event. `waitlisted`: the owner of the calendar is on
    the waiting list. `moves`: how often that registration has changed the entry, the last time at `moved_at`.
    """

    id: str
    title: str
    description: str | None
    location: str | None
    start_time: str
    end_time: str
    organizer_id: str
    status: str
    version: int
    created_at: str
    updated_at: str
    waitlisted: bool = False
    moves: int = 0
    moved_at: str | None = None


class Contents(Struct, frozen=True, kw_only=True):
    """The contents of a calendar. `waiting` is put before the title of an entry on whose waiting list the owner is."""

    name: str
    entries: Sequence[Entry]
    waiting: str = ""


def tag_of(contents: Contents) -> str:
    """Returns a weak entity tag (RFC 9110, section 8.8.3): calendars with the same tag differ in `DTSTAMP` only."""
    seen = msgspec.json.encode([PRODUCT, contents])
    return f'W/"{hashlib.sha256(seen).hexdigest()[:32]}"'


def render(contents: Contents, now: datetime) -> bytes:
    """Returns the calendar in UTF-8, with its entries by start time."""
    entries = sorted(contents.entries, key=lambda entry: (entry.start_time, entry.id))
    events = (_event(entry, contents.waiting) for entry in entries)
    return write_calendar(events, now, product=PRODUCT, name=contents.name, refresh=REFRESH)


def _event(entry: Entry, waiting: str) -> CalendarEvent:
    return CalendarEvent(
        id=entry.id,
        title=f"{waiting}{entry.title}" if entry.waitlisted else entry.title,
        description=entry.description,
        location=entry.location,
        start_time=entry.start_time,
        end_time=entry.end_time,
        organizer_id=entry.organizer_id,
        status=entry.status,
        created_at=entry.created_at,
        version=entry.version + entry.moves,
        updated_at=max(entry.updated_at, entry.moved_at or ""),
        is_tentative=entry.waitlisted,
    )
