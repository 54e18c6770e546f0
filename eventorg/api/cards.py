"""/events/{event_id}/card: an event as a chat message."""

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_datetime
from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from msgspec import Meta, Struct

from eventorg.domain.events import Code, Event, EventStatus, sees_names
from eventorg.domain.fields import EndInstant, EventId, StartInstant
from eventorg.domain.registrations import CardData, ParticipantCounts
from eventorg.domain.values import Capacity, Instant, Location, Timezone, Title
from eventorg.locales import find_language, text
from eventorg.repositories.participants import ParticipantRepository
from eventorg.web.authentication import ANY_BOT_SECURITY, BY_ANY_BOT, Authenticated
from eventorg.web.headers import language_for
from eventorg.web.problems import problems

MAX_TEXT = 4096
"""Telegram's limit for a message, in UTF-16 code units (Bot API, sendMessage)."""

_DAY_AND_TIME = {"ru": "EE, d MMMM y, HH:mm", "en": "EE, d MMMM y, HH:mm"}
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
    counts: Annotated[ParticipantCounts, Meta(description="The number of registrations by status.")]
    names: Annotated[
        list[str], Meta(description="The names of the first people who have a seat.", examples=[["Анна", "Борис"]])
    ]
    more: Annotated[
        int, Meta(description="People who have a seat but are not in `names`. 0 if names are hidden.", examples=[10])
    ]
    text: Annotated[
        str,
        Meta(
            description="The message, of at most 4,096 UTF-16 units.",
            examples=["Встреча выпускников\n\nср, 15 сентября 2027, 13:00 – 15:00 (Europe/Moscow)\n…"],
        ),
    ]


class CardController(Controller):
    """The card of one event."""

    path = "/events/{event_id:str}/card"
    tags = ("registrations",)

    @get(
        operation_id="get_card",
        summary="Get an event card",
        opt=BY_ANY_BOT,
        security=ANY_BOT_SECURITY,
        responses=problems(401, 404, 422),
    )
    async def get_card(
        self,
        request: Authenticated,
        event_id: FromPath[str],
        participants: NamedDependency[ParticipantRepository],
        names: Annotated[int, QueryParameter(ge=0, le=100, description="Maximum number of names.")] = 20,
        locale: Annotated[
            str | None,
            QueryParameter(
                description="`ru` or `en`. For other values: the best match for `Accept-Language`.", max_length=35
            ),
        ] = None,
    ) -> Card:
        """Returns the event's participant counts, names, and times, and a message that a bot can send.

        A bot can call this without `X-Act-As` for an event that is public or unlisted. Names are on the card only if
        `participants_visibility` is `everyone`, because everyone in the chat reads it.

        Times are in the event's time zone. The message has at most 4,096 UTF-16 code units, Telegram's limit.
        """
        data = await participants.get_card_data(event_id, names, request.user)
        return make_card(data, find_language(locale or "") or language_for(request.scope))


def make_card(data: CardData, language: str) -> Card:
    """Returns the card of an event in a language."""
    event = data.event
    start, end = (_parse(moment).astimezone(ZoneInfo(event.timezone)) for moment in (event.start_time, event.end_time))
    same_day = start.date() == end.date()
    start_text = format_datetime(start, _DAY_AND_TIME[language], locale=language)
    end_text = format_datetime(end, _TIME if same_day else _DAY_AND_TIME[language], locale=language)
    when = f"{start_text} – {end_text} ({event.timezone})"
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
        counts=data.counts,
        names=data.names,
        more=event.registered_count - len(data.names) if sees_names(event.participants_visibility, None) else 0,
        text=_text(data, when, language),
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
    head += ["", *_numbers(event, language)]
    written = "\n".join(head)

    shown = 0
    names = ""
    for name in data.names:
        longer = f"{names}\n{shown + 1}. {name}"
        if _units(written + longer + _more(event.registered_count - shown - 1, language)) > MAX_TEXT:
            break
        names, shown = longer, shown + 1
    if shown:
        written += names + _more(event.registered_count - shown, language)

    if event.description and (room := MAX_TEXT - _units(written) - 2) > 1:
        written += "\n\n" + _shorten(event.description, room)
    return written


def _numbers(event: Event, language: str) -> list[str]:
    taken = _counted(language, "registered", event.registered_count)
    if event.capacity is not None:
        taken += text(language, "card", "of", capacity=event.capacity)
    waiting = [_counted(language, "waiting", event.waitlisted_count)] if event.waitlisted_count else []
    return [taken, *waiting]


def _more(count: int, language: str) -> str:
    return "\n" + _counted(language, "more", count) if count > 0 else ""


def _counted(language: str, what: str, count: int) -> str:
    """Returns a number with its noun in the right plural form (CLDR plural rules)."""
    return text(language, "card", f"{what}_{Locale(language).plural_form(count)}", count=count)


def _shorten(content: str, units: int) -> str:
    """Returns at most `units` UTF-16 units of a text, with an ellipsis if it is cut."""
    if _units(content) <= units:
        return content
    kept = content.encode("utf-16-le")[: (units - 1) * 2].decode("utf-16-le", errors="ignore")
    return kept.rstrip() + _ELLIPSIS


def _units(content: str) -> int:
    return len(content.encode("utf-16-le")) // 2


def _parse(moment: Instant) -> datetime:
    return datetime.fromisoformat(moment)
