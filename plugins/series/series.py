"""A series, as clients send and read it."""

import hashlib
from typing import Annotated, Any, ClassVar, Final

import msgspec
from msgspec import Meta, Struct

from eventorg.plugin import Event, Id, Input, rule, text

from .rules import MAX_LENGTH, parse

NEXT_TIMES: Final = 5
MAX_RUNNING: Final = 50
_EXAMPLE: Final = "FREQ=WEEKLY;BYDAY=TU,TH;COUNT=20"
_PATTERN: Final = r"(?i)^[A-Z]+=[A-Z0-9,+-]+(;[A-Z]+=[A-Z0-9,+-]+)*$"

NOT_FOUND: Final = {
    "ru": "Такой серии нет, или вы её не видите.",
    "en": "There is no such series, or you may not see it.",
}
NO_OCCURRENCE: Final = {
    "ru": "На эту дату в серии нет мероприятия.",
    "en": "The series has no event on this date.",
}
ALREADY: Final = {
    "ru": "Мероприятие уже входит в серию.",
    "en": "The event is in a series already.",
}
TOO_MANY: Final = {
    "ru": f"У организатора уже {MAX_RUNNING} действующих серий.",
    "en": f"The organizer already has {MAX_RUNNING} running series.",
}
ENDS_BEFORE: Final = {
    "ru": "Серия кончается до первого мероприятия.",
    "en": "The series ends before its first event.",
}


def _clean_rrule(written: str) -> str:
    """Returns the rule as it was sent. Raises `Refused`."""
    parse(written)
    return written


_RRULE: Final = (
    "A recurrence rule (RFC 5545): `FREQ` is `DAILY`, `WEEKLY`, `MONTHLY` or `YEARLY`; `INTERVAL`, `BYDAY`, "
    "`BYMONTHDAY`, and `COUNT` or `UNTIL` are optional."
)
CarryOver = Annotated[
    bool,
    Meta(
        description="True: only the next event exists, and those who were registered for the one before it are "
        "registered for it. False: events exist 90 days ahead, at most 50.",
        examples=[False],
    ),
]


class NewSeries(Input):
    """A new series. It begins with an event that exists."""

    example: ClassVar[dict[str, Any] | None] = {
        "event_id": "0b9fdc1e-7f5c-4a55-9f0e-3c1d5d3a6f11",
        "rrule": _EXAMPLE,
        "carry_over": False,
    }
    event_id: Annotated[
        str,
        text(1, 100, example="0b9fdc1e-7f5c-4a55-9f0e-3c1d5d3a6f11", description="The ID or code of the first event."),
    ]
    rrule: Annotated[
        str,
        text(1, MAX_LENGTH, example=_EXAMPLE),
        rule(
            _clean_rrule,
            min_length=1,
            max_length=MAX_LENGTH,
            description=f"{_RRULE} The first event counts even if the rule does not name its day.",
            examples=[_EXAMPLE],
        ),
    ]
    carry_over: CarryOver = False


class Series(Struct, frozen=True, kw_only=True):
    """A recurring event."""

    id: Annotated[Id, Meta(description="The series' ID.")]
    event_id: Annotated[Id, Meta(description="The ID of the first event, or of the first one that is left.")]
    rrule: Annotated[str, Meta(description=_RRULE, examples=[_EXAMPLE])]
    timezone: Annotated[
        str, Meta(description="The time zone of its dates and of its clock.", examples=["Europe/Moscow"])
    ]
    carry_over: CarryOver
    next_start_times: Annotated[
        list[str],
        Meta(
            description="The next five starts in UTC, whether the events exist or not, without those that are skipped "
            "or cancelled. Empty once the series has ended.",
            examples=[["2027-09-15T10:00:00Z"]],
        ),
    ]
    ended_at: Annotated[str | None, Meta(description="The time at which it ended, in UTC.")]


class SeriesEvents(Struct, frozen=True, kw_only=True):
    """A page of the events of a series."""

    events: Annotated[list[Event], Meta(description="The events by start time.")]
    next: Annotated[str | None, Meta(description="The `cursor` of the next page. Null: this is the last one.")]
    as_of: Annotated[int, Meta(description="The number of the last change that the list contains.", examples=[42])]


class Tagged(Struct, frozen=True):
    """A series with the number of its edits."""

    series: Series
    version: int

    @property
    def tag(self) -> str:
        """The entity tag: the version, and what else can change."""
        return f'"{self.version}-{hashlib.blake2b(msgspec.json.encode(self.series), digest_size=9).hexdigest()}"'
