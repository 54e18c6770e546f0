"""Renders events as calendars (RFC 5545) that all programs read: only UTC times, and text that survives unchanged."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from icalendar import Calendar, Event, vDuration, vText, vUri
from msgspec import Struct

PRODUCT = "-//eventorg//calendar_export 1//EN"
"""The version of the format. Raise the number when the format changes, because the tags depend on it."""

REFRESH = timedelta(hours=1)
"""The interval at which a calendar program should reload a feed."""

_STATUS = {"draft": "TENTATIVE", "published": "CONFIRMED", "cancelled": "CANCELLED"}


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
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", PRODUCT)
    calendar.add("method", "PUBLISH")
    calendar.add("name", _Text(contents.name))
    calendar.add("x-wr-calname", _Text(contents.name))  # for programs without RFC 7986
    calendar.add("refresh-interval", vDuration(REFRESH), parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", vDuration(REFRESH))
    for entry in sorted(contents.entries, key=lambda entry: (entry.start_time, entry.id)):
        calendar.add_component(_event(entry, contents.waiting, now))
    content: bytes = calendar.to_ical()
    return content


def _event(entry: Entry, waiting: str, now: datetime) -> Event:
    event = Event()
    event.add("uid", f"{entry.id}@eventorg")  # not the host name, which may change
    event.add("sequence", entry.version - 1 + entry.moves)
    event.add("dtstamp", now)
    event.add("created", _time(entry.created_at))
    event.add("last-modified", _time(max(entry.updated_at, entry.moved_at or "")))
    event.add("dtstart", _time(entry.start_time))
    event.add("dtend", _time(entry.end_time))
    event.add("organizer", vUri(f"urn:uuid:{entry.organizer_id}"))  # METHOD:PUBLISH needs one; email is private
    event.add("summary", _Text(f"{waiting}{entry.title}" if entry.waitlisted else entry.title))
    if entry.description:
        event.add("description", _Text(entry.description))
    if entry.location:
        event.add("location", _Text(entry.location))
    is_uncertain = entry.waitlisted and entry.status == "published"
    event.add("status", "TENTATIVE" if is_uncertain else _STATUS[entry.status])
    return event


class _Text(vText):
    r"""Escapes text by RFC 5545, section 3.3.11. icalendar would turn the `\N` of `C:\New` into a line break."""

    def to_ical(self) -> bytes:
        escaped = self.replace("\\", r"\\").replace(";", r"\;").replace(",", r"\,").replace("\n", r"\n")
        return escaped.encode()


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
