"""Events as calendars (RFC 5545) that every program takes: UTC times alone, and a text that comes out as it went in."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from icalendar import Calendar, Event, vDuration, vText, vUri
from msgspec import Struct

PRODUCT = "-//eventorg//calendar_export 1//EN"
"""Names how calendars are written here: another number when that changes, since the tags depend on it."""

REFRESH = timedelta(hours=1)
"""How often a calendar program should look for news."""

_STATUS = {"draft": "TENTATIVE", "published": "CONFIRMED", "cancelled": "CANCELLED"}


class Entry(Struct, frozen=True, kw_only=True):
    """What a calendar shows of an event; `waitlisted`: the owner of the calendar waits for a seat."""

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


class Contents(Struct, frozen=True, kw_only=True):
    """A calendar to be: its name, its entries, and what stands before the title of an entry one waits for."""

    name: str
    entries: Sequence[Entry]
    waiting: str = ""


def tag_of(contents: Contents) -> str:
    """A weak entity tag (RFC 9110, section 8.8.3): two calendars with the same tag differ in `DTSTAMP` alone."""
    seen = msgspec.json.encode([PRODUCT, contents])
    return f'W/"{hashlib.sha256(seen).hexdigest()[:32]}"'


def render(contents: Contents, now: datetime) -> bytes:
    """The calendar in UTF-8, its entries by start time."""
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", PRODUCT)
    calendar.add("method", "PUBLISH")
    calendar.add("name", _Text(contents.name))
    calendar.add("x-wr-calname", _Text(contents.name))  # for those that do not know RFC 7986
    calendar.add("refresh-interval", vDuration(REFRESH), parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", vDuration(REFRESH))
    for entry in sorted(contents.entries, key=lambda entry: (entry.start_time, entry.id)):
        calendar.add_component(_event(entry, contents.waiting, now))
    content: bytes = calendar.to_ical()
    return content


def _event(entry: Entry, waiting: str, now: datetime) -> Event:
    event = Event()
    event.add("uid", f"{entry.id}@eventorg")  # not the host name, which may change
    event.add("sequence", entry.version - 1)
    event.add("dtstamp", now)
    event.add("created", _time(entry.created_at))
    event.add("last-modified", _time(entry.updated_at))
    event.add("dtstart", _time(entry.start_time))
    event.add("dtend", _time(entry.end_time))
    event.add("organizer", vUri(f"urn:uuid:{entry.organizer_id}"))  # METHOD:PUBLISH wants one; an e-mail is private
    event.add("summary", _Text(f"{waiting}{entry.title}" if entry.waitlisted else entry.title))
    if entry.description:
        event.add("description", _Text(entry.description))
    if entry.location:
        event.add("location", _Text(entry.location))
    is_uncertain = entry.waitlisted and entry.status == "published"
    event.add("status", "TENTATIVE" if is_uncertain else _STATUS[entry.status])
    return event


class _Text(vText):
    r"""Escapes as RFC 5545 says, section 3.3.11. icalendar takes the `\N` of `C:\New` for a line break."""

    def to_ical(self) -> bytes:
        escaped = self.replace("\\", r"\\").replace(";", r"\;").replace(",", r"\,").replace("\n", r"\n")
        return escaped.encode()


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
