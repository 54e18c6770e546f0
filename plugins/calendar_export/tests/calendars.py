"""Shared by the tests: texts that break calendars, and calendars as icalendar reads them."""

from typing import Any, Final

import httpx
from icalendar import Calendar

from eventorg.testing import Bot, User

NASTY: Final = {
    "title": r'Ужин; вино, сыр: \ "и" \; \, 🎉👩‍👩‍👧 BEGIN:VEVENT',
    "description": "Первая;\n"
    + "Щ" * 150
    + ",\n\t"
    + "длинная строка " * 20
    + "\nEND:VEVENT\nSTATUS:CANCELLED\n\n🎉\\",
    "location": "ул. Ленина, 1; кв. 2 \\ вход со двора " + "😀" * 40,
}
"""Commas, semicolons, backslashes, newlines, emoji, lines of 300 octets, and what looks like iCalendar itself."""


def check_calendar(response: httpx.Response) -> Any:
    """The calendar of an answer that is one, checked byte by byte."""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "text/calendar; charset=utf-8"
    check_lines(response.content)
    (calendar,) = Calendar.from_ical(response.content, multiple=True)
    assert [part.errors for part in calendar.walk()] == [[]] * len(calendar.walk())
    return calendar


def check_lines(content: bytes) -> None:
    """Lines end in CRLF, have 75 octets at most, and no character is split between two (RFC 5545, section 3.1)."""
    assert content.endswith(b"END:VCALENDAR\r\n")
    lines = content.removesuffix(b"\r\n").split(b"\r\n")
    for line in lines:
        assert 1 <= len(line) <= 75
        assert not {b"\r", b"\n"} & {line[i : i + 1] for i in range(len(line))}
        line.decode()


def entries_of(response: httpx.Response) -> list[Any]:
    """The events of a calendar, as they stand in it."""
    return list(check_calendar(response).walk("VEVENT"))


def entry_of(response: httpx.Response) -> Any:
    """The only event of a calendar."""
    (event,) = entries_of(response)
    return event


def address_of(user: User | Bot) -> str:
    """A new address for the user's calendar."""
    response = user.post("/users/me/calendar")
    assert response.status_code == 201, response.text
    return str(response.json()["url"])


def texts_of(event: Any) -> dict[str, Any]:
    """Returns a text as it was read."""
    names = {"title": "summary", "description": "description", "location": "location"}
    return {field: str(event[name]) for field, name in names.items() if name in event}
