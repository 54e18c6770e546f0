"""The writer of calendars, compared byte by byte with the library icalendar."""

import random
from datetime import UTC, datetime, timedelta, timezone

import pytest
from icalendar import Calendar, Event, vDuration, vText, vUri

from eventorg.domain.calendars import CalendarEvent, write_calendar

PRODUCT = "-//eventorg//test 1//EN"
NOW = datetime(2027, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=3)))
STATUS = {"draft": "TENTATIVE", "published": "CONFIRMED", "cancelled": "CANCELLED"}
PIECES = [
    *(
        "a",
        "\\",
        ";",
        ",",
        ":",
        '"',
        "^",
        "=",
        "%",
        " ",
        "\t",
        "\\n",
        "\\N",
        r"\,",
        "^n",
        "BEGIN:VEVENT",
        "END:VCALENDAR",
    ),
    *("\n", "\r", "\r\n", "\n\r", "\x00", "\x07", "\x0b", "\x0c", "\x1b", "\x1f", "\x7f", "\x85", "\u2028", "\u2029"),
    *("ы", "Щ", "漢", "é", "e\u0301", "🎉", "👩\u200d👩\u200d👧", "\u200b", "\ufeff", "\U0010ffff", "\ud7ff"),
    *("שלום", "مرحبا", "\u202eRTL\u202c", "\u2067", "x" * 70, "x" * 73, "x" * 74, "x" * 75, "ы" * 37, "🎉" * 19),
]


def make_text(dice: random.Random, longest: int) -> str:
    """Returns a text of pieces on which calendars break. Some pieces are repeated."""
    pieces = (dice.choice(PIECES) * dice.choice((1, 1, 1, 2, 80)) for _ in range(dice.randrange(longest)))
    return "".join(pieces).lstrip("\ufeff")  # icalendar takes it for a byte order mark


def make_event(dice: random.Random) -> CalendarEvent:
    start = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=dice.randrange(120_000_000))
    times = [f"{start + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}" for hours in range(4)]
    return CalendarEvent(
        id=f"{dice.getrandbits(60)}",
        title="x" * dice.randrange(70) + make_text(dice, 12),
        description=dice.choice((None, "", make_text(dice, 60), make_text(dice, 1_000))),
        location=dice.choice((None, "", make_text(dice, 12))),
        start_time=times[0],
        end_time=times[1],
        organizer_id=f"{dice.getrandbits(60)}",
        status=dice.choice([*STATUS]),
        created_at=times[2],
        version=dice.randrange(1, 1_000_000),
        updated_at=times[3],
        is_tentative=dice.random() < 0.3,
    )


class Text(vText):
    r"""Escapes text by RFC 5545, section 3.3.11. icalendar would turn the `\N` of `C:\New` into a line break."""

    def to_ical(self) -> bytes:
        text = self.replace("\r\n", "\n").replace("\r", "\n")
        return text.replace("\\", r"\\").replace(";", r"\;").replace(",", r"\,").replace("\n", r"\n").encode()


def write_with_icalendar(events: list[CalendarEvent], name: str | None, refresh: timedelta | None) -> bytes:
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", PRODUCT)
    calendar.add("method", "PUBLISH")
    if name is not None:
        calendar.add("name", Text(name))
        calendar.add("x-wr-calname", Text(name))
    if refresh is not None:
        calendar.add("refresh-interval", vDuration(refresh), parameters={"VALUE": "DURATION"})
        calendar.add("x-published-ttl", vDuration(refresh))
    for event in events:
        entry = Event()
        entry.add("uid", f"{event.id}@eventorg")
        entry.add("sequence", event.version - 1)
        entry.add("dtstamp", NOW.astimezone(UTC))
        for property_name, time in (
            ("created", event.created_at),
            ("last-modified", event.updated_at),
            ("dtstart", event.start_time),
            ("dtend", event.end_time),
        ):
            entry.add(property_name, datetime.fromisoformat(time))
        entry.add("organizer", vUri(f"urn:uuid:{event.organizer_id}"))
        entry.add("summary", Text(event.title))
        if event.description:
            entry.add("description", Text(event.description))
        if event.location:
            entry.add("location", Text(event.location))
        is_tentative = event.is_tentative and event.status != "cancelled"
        entry.add("status", "TENTATIVE" if is_tentative else STATUS[event.status])
        calendar.add_component(entry)
    content: bytes = calendar.to_ical()
    return content


@pytest.mark.parametrize("calendars", [60, pytest.param(400, marks=pytest.mark.slow)])
def test_calendars_have_the_bytes_that_icalendar_writes(calendars: int) -> None:
    dice = random.Random("calendars")
    folded = 0
    for _ in range(calendars):
        events = [make_event(dice) for _ in range(dice.randrange(5))]
        name = dice.choice((None, make_text(dice, 12)))
        refresh = dice.choice((None, "PT1H"))
        content = write_calendar(iter(events), NOW, product=PRODUCT, name=name, refresh=refresh)
        assert content == write_with_icalendar(events, name, timedelta(hours=1) if refresh else None)
        lines = content.split(b"\r\n")
        assert max(map(len, lines)) <= 75
        assert [line.decode() for line in lines]  # no character is divided
        assert not any(b"\r" in line or b"\n" in line for line in lines)
        folded += sum(line.startswith(b" ") for line in lines)
    assert folded > 25 * calendars


def test_texts_are_read_as_they_were_written() -> None:
    dice = random.Random("texts")
    for _ in range(100):
        event = make_event(dice)
        (entry,) = Calendar.from_ical(write_calendar([event], NOW, product=PRODUCT)).walk("VEVENT")
        for name, text in (("summary", event.title), ("description", event.description), ("location", event.location)):
            assert str(entry.get(name, "")) == (text or "").replace("\r\n", "\n").replace("\r", "\n")
