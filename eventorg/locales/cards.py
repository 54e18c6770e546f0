"""The card of an event in a language: an event as a chat message."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_datetime
from msgspec import Meta, Struct

from eventorg.domain.cards import CardData, CardEtag, ParticipantCounts
from eventorg.domain.events import Code, Event, EventStatus, sees_names
from eventorg.domain.fields import ClosesAt, EndInstant, EventId, OpensAt, StartInstant
from eventorg.domain.values import Capacity, Instant, Location, Timezone, Title
from eventorg.locales import text

MAX_TEXT = 4096
"""Telegram's limit for a message, in UTF-16 code units (Bot API, sendMessage)."""

_DAY_AND_TIME = {"ru": "EE, d MMMM y, HH:mm", "en": "EE, d MMMM y, HH:mm"}
_WITHOUT_YEAR = {"ru": "EE, d MMMM, HH:mm", "en": "EE, d MMMM, HH:mm"}
_TIME = "HH:mm"
_ELLIPSIS = "…"


class Card(Struct, kw_only=True, frozen=True):
    """An event as a chat message."""

    event_id: EventId
    code: Code
    title: Title
    status: EventStatus
    location: Location | None
    timezone: Timezone
    locale: Annotated[str, Meta(description="The language of the texts: `ru` or `en`.", examples=["ru"])]
    start_time: StartInstant
    end_time: EndInstant
    start_text: Annotated[
        str,
        Meta(description="The start in the event's time zone.", examples=["ср, 15 сентября 2027, 13:00"]),
    ]
    end_text: Annotated[
        str, Meta(description="The end in the event's time zone, without an equal date.", examples=["15:00"])
    ]
    start_unix: Annotated[int, Meta(description="The start in seconds since 1970.", examples=[1821002400])]
    end_unix: Annotated[int, Meta(description="The end in seconds since 1970.", examples=[1821009600])]
    capacity: Capacity | None
    registration_opens_at: OpensAt | None
    registration_closes_at: ClosesAt | None
    counts: Annotated[ParticipantCounts, Meta(description="The number of people by status, with their guests.")]
    names: Annotated[
        list[str],
        Meta(
            description="The names of the first people who have a seat. None, unless everyone may read names.",
            examples=[["Анна", "Борис"]],
        ),
    ]
    more: Annotated[
        int,
        Meta(
            description="People who have a seat and are neither in `names` nor guests of those. 0, unless everyone may "
            "read names.",
            examples=[10],
        ),
    ]
    text: Annotated[
        str,
        Meta(
            description="The message, of at most 4,096 UTF-16 units.",
            examples=["Встреча выпускников\n\nср, 15 сентября 2027, 13:00 – 15:00 (Europe/Moscow)\n…"],
        ),
    ]
    card_etag: CardEtag


def make_card(data: CardData, language: str, lines: Sequence[str] = ()) -> Card:
    """Returns the card of an event in a language. Its text ends with as many of the plugins' lines as fit."""
    event = data.event
    start, end = (_local(moment, event.timezone) for moment in (event.start_time, event.end_time))
    same_day = start.date() == end.date()
    start_text = _written(event.start_time, event.timezone, _DAY_AND_TIME[language], language)
    end_text = _written(event.end_time, event.timezone, _TIME if same_day else _DAY_AND_TIME[language], language)
    when = f"{start_text} – {end_text} ({event.timezone})"
    seated = event.registered_count if sees_names(event.participants_visibility, None) else 0
    return Card(
        event_id=event.id,
        code=event.code,
        title=event.title,
        status=event.status,
        location=event.location,
        timezone=event.timezone,
        locale=language,
        start_time=event.start_time,
        end_time=event.end_time,
        start_text=start_text,
        end_text=end_text,
        start_unix=int(start.timestamp()),
        end_unix=int(end.timestamp()),
        capacity=event.capacity,
        registration_opens_at=event.registration_opens_at,
        registration_closes_at=event.registration_closes_at,
        counts=data.counts,
        names=[each.name for each in data.parties],
        more=max(0, seated - sum(1 + each.guests for each in data.parties)),
        text=_with_lines(_text(data, when, language), lines),
        card_etag=data.etag,
    )


def _text(data: CardData, when: str, language: str) -> str:
    """Returns title, time, place and numbers, then as many names and as much of the description as fit."""
    event = data.event
    head = [event.title]
    if event.status != "published":
        head.append(text(language, "card", event.status))
    head += ["", when]
    if event.location:
        head.append(event.location)
    head += ["", _numbers(event, language)]
    if event.status != "cancelled" and (window := _window(event, language)):
        head.append(window)
    written = "\n".join(head)
    written += _names(data, MAX_TEXT - _units(written), language)
    if event.description and (room := MAX_TEXT - _units(written) - 2) > 1:
        written += "\n\n" + _shorten(event.description, room)
    return written


def _with_lines(written: str, lines: Sequence[str]) -> str:
    separator = "\n\n"
    for line in lines:
        if _units(written + separator + line) > MAX_TEXT:
            break
        written, separator = f"{written}{separator}{line}", "\n"
    return written


def _numbers(event: Event, language: str) -> str:
    """Returns the number of people who have a seat, wait, or are undecided."""
    if event.capacity is None:
        numbers = [_counted(language, "registered", event.registered_count)]
    else:
        form = _plural_form(language, event.capacity)
        seats = {"count": event.registered_count, "capacity": event.capacity}
        numbers = [text(language, "card", f"seats_{form}", **seats)]
    if event.waitlisted_count:
        numbers.append(text(language, "card", "waiting", count=event.waitlisted_count))
    if event.pending_count:
        numbers.append(_counted(language, "pending", event.pending_count))
    if event.maybe_count:
        numbers.append(text(language, "card", "maybe", count=event.maybe_count))
    return ", ".join(numbers)


def _window(event: Event, language: str) -> str:
    """Returns the times between which people can register, or an empty text without any. It does not depend on the
    current time, so that the card stays true while nobody changes the event."""
    opens, closes = (
        moment and _moment(moment, event, language)
        for moment in (event.registration_opens_at, event.registration_closes_at)
    )
    if opens and closes:
        return text(language, "card", "opens_and_closes", opens=opens, closes=closes)
    if opens:
        return text(language, "card", "opens", opens=opens)
    return text(language, "card", "closes", closes=closes) if closes else ""


def _moment(moment: Instant, event: Event, language: str) -> str:
    """Returns a time in the event's zone, with the year if it is not that of the event."""
    local, start = (_local(each, event.timezone) for each in (moment, event.start_time))
    pattern = _WITHOUT_YEAR if local.year == start.year else _DAY_AND_TIME
    return _written(moment, event.timezone, pattern[language], language)


def _names(data: CardData, room: int, language: str) -> str:
    """Returns a line for each party that fits, and the number of the other people, in up to `room` units."""
    left, lines, used = data.event.registered_count, "", 0
    for number, party in enumerate(data.parties, start=1):
        line = f"\n{number}. {party.name}" + (f" +{party.guests}" if party.guests else "")
        after = left - 1 - party.guests
        units = _units(line)
        if used + units + _units(_more(after, language)) > room:
            break
        left, lines, used = after, lines + line, used + units
    return lines + _more(left, language) if lines else ""


def _more(count: int, language: str) -> str:
    return "\n" + _counted(language, "more", count) if count > 0 else ""


@lru_cache(maxsize=10_000)
def _counted(language: str, what: str, count: int) -> str:
    """Returns a number with its noun in the right plural form (CLDR plural rules). A card needs one for each name."""
    return text(language, "card", f"{what}_{_plural_form(language, count)}", count=count)


def _plural_form(language: str, count: int) -> str:
    return Locale(language).plural_form(count)


def _shorten(content: str, units: int) -> str:
    """Returns at most `units` UTF-16 units of a text, with an ellipsis if it is cut."""
    if _units(content) <= units:
        return content
    kept = content.encode("utf-16-le")[: (units - 1) * 2].decode("utf-16-le", errors="ignore")
    return kept.rstrip() + _ELLIPSIS


def _units(content: str) -> int:
    return len(content.encode("utf-16-le")) // 2


def _local(moment: Instant, timezone: str) -> datetime:
    return datetime.fromisoformat(moment).astimezone(ZoneInfo(timezone))


@lru_cache(maxsize=10_000)
def _written(moment: Instant, timezone: str, pattern: str, language: str) -> str:
    return format_datetime(_local(moment, timezone), pattern, locale=language)
