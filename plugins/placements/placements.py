"""A placement: the place where a bot has posted the card of an event."""

import hashlib
import sqlite3
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from eventorg.plugin import Event, FieldError, Id, Input, Instant, Invalid, Locale, Refused, moment, rule

MAX_RESULTS: Final = 1_000
MAX_OPAQUE: Final = 100
MAX_NAMES: Final = 100
MAX_LEASE: Final = 3_600
MAX_LEASED: Final = 100
MAX_WAIT: Final = 30
MAX_OF_EVENT: Final = 1_000
"""Maximum number of placements of one event that a bot has."""
NOT_FOUND: Final = {
    "ru": "Такого размещения нет: сообщение удалено, или его сделал другой бот.",
    "en": "There is no such placement. It was deleted, or another bot made it.",
}
TOO_MANY: Final = {
    "ru": "Карточек одного мероприятия у бота может быть не больше 1000. Удалите размещения, которые больше не нужны.",
    "en": "A bot can have up to 1,000 placements of one event. Delete those that you no longer need.",
}


def clean_opaque(value: str | int | None) -> str | None:
    """Returns an ID of a chat service as text. Raises `Refused`."""
    if value is None:
        return None
    written = str(value)
    if not 1 <= len(written) <= MAX_OPAQUE:
        raise Refused("too_long" if written else "too_short", minimum=1, maximum=MAX_OPAQUE, unit="characters")
    if any(ord(character) < 32 or ord(character) == 127 for character in written):
        raise Refused("control_character")
    return written


def _opaque(description: str, example: str) -> Meta:
    return rule(clean_opaque, description=f"{description} A number is kept as text.", examples=[example])


def _whole(minimum: int, maximum: int, example: int, description: str) -> Meta:
    def clean(value: int) -> int:
        if not minimum <= value <= maximum:
            raise Refused("out_of_range", minimum=minimum, maximum=maximum)
        return value

    return rule(clean, minimum=minimum, maximum=maximum, description=description, examples=[example])


PlacementId = Annotated[str, Meta(description="The placement's ID.", examples=["2f6c1b9e-8a47-4d3c-9b5e-1c7d0e4f8a23"])]
ChatId = Annotated[
    str | None, Meta(description="The bot's ID of the chat. Null: an inline message.", examples=["-1001234567890"])
]
MessageId = Annotated[str, Meta(description="The bot's ID of the message.", examples=["4711"])]
ThreadId = Annotated[str | None, Meta(description="The bot's ID of the thread in the chat, or null.", examples=["3"])]
Names = Annotated[int, Meta(description="The maximum number of names on the card.", examples=[20])]
Etag = Annotated[str, Meta(description="The `card_etag` of the event.", examples=["5d41402abc4b2a76b9719d91"])]


class NewPlacement(Input):
    """The place of a card: a message of the bot."""

    example: ClassVar[dict[str, Any] | None] = {"chat_id": "-1001234567890", "message_id": "4711", "locale": "ru"}
    chat_id: Annotated[str | int | None, _opaque("Your ID of the chat. `null`: an inline message.", "-1001234567890")]
    message_id: Annotated[str | int, _opaque("Your ID of the message.", "4711")]
    thread_id: Annotated[str | int | None, _opaque("Your ID of the thread in the chat.", "3")] = None
    locale: Locale | None = None
    names: Annotated[int, _whole(0, MAX_NAMES, 20, "The maximum number of names on the card.")] = 20


class Placement(Struct, frozen=True, kw_only=True):
    """The place of a card, and what it shows."""

    id: PlacementId
    event_id: Id
    chat_id: ChatId
    message_id: MessageId
    thread_id: ThreadId
    locale: Locale
    names: Names
    shown_etag: Annotated[
        str | None,
        Meta(description="The `card_etag` that you acknowledged last, or null.", examples=["5d41402abc4b2a76b9719d91"]),
    ]

    @classmethod
    def of(cls, row: sqlite3.Row) -> "Placement":
        """Returns the placement that is stored in a row."""
        return cls(**_fields(row))

    @property
    def tag(self) -> str:
        """The entity tag."""
        return f'"{hashlib.blake2b(msgspec.json.encode(self), digest_size=12).hexdigest()}"'


class LeasedPlacement(Placement, frozen=True, kw_only=True):
    """A placement with the card that it must show."""

    text: Annotated[
        str, Meta(description="The new text of the message, of at most 4,096 UTF-16 units.", examples=["Tea"])
    ]
    etag: Etag

    @classmethod
    def with_card(cls, row: sqlite3.Row, text: str, etag: str) -> "LeasedPlacement":
        """Returns the placement that is stored in a row, with a card."""
        return cls(**_fields(row), text=text, etag=etag)


def _fields(row: sqlite3.Row) -> dict[str, Any]:
    stored = {name: row[name] for name in Placement.__struct_fields__}
    return stored | {"chat_id": row["chat_id"] or None}


class Placements(Struct, frozen=True, kw_only=True):
    """The bot's placements of an event."""

    placements: Annotated[list[Placement], Meta(description="The placements, oldest first.")]
    next: Annotated[str | None, Meta(description="The `cursor` of the next page. Null: this is the last one.")]
    as_of: Annotated[int, Meta(description="The number of the last change that the list contains.", examples=[42])]


class ChatEvents(Struct, frozen=True, kw_only=True):
    """The events whose cards are in a chat."""

    events: Annotated[list[Event], Meta(description="The events by start time.")]
    next: Annotated[str | None, Meta(description="The `cursor` of the next page. Null: this is the last one.")]
    as_of: Annotated[int, Meta(description="The number of the last change that the list contains.", examples=[42])]


class Since(Input):
    """The time from which the events of a chat start, as every time of a request."""

    start_from: Annotated[str, moment("The earliest start.", "2027-09-15T10:00:00Z")] | None = field(
        name="from", default=None
    )


class PlacementLease(Input):
    """The number of placements to lease, for how long, and how long to wait for one."""

    limit: Annotated[int, _whole(1, MAX_LEASED, 10, "The maximum number of placements.")] = 10
    lease_seconds: Annotated[int, _whole(1, MAX_LEASE, 60, "The length of the lease in seconds.")] = 60
    timeout: Annotated[int, _whole(0, MAX_WAIT, 0, "The seconds to wait while there is nothing to lease.")] = 0


class LeasedPlacements(Struct, frozen=True):
    """The leased placements, the one that waits longest first."""

    placements: Annotated[list[LeasedPlacement], Meta(description="The messages to edit.")]


class PlacementResult(Input):
    """The result of editing one message."""

    example: ClassVar[dict[str, Any] | None] = {
        "id": "2f6c1b9e-8a47-4d3c-9b5e-1c7d0e4f8a23",
        "etag": "5d41402abc4b2a76b9719d91",
        "result": "shown",
    }
    id: PlacementId
    etag: Annotated[str, Meta(description="The `etag` of the lease.", examples=["5d41402abc4b2a76b9719d91"])]
    result: Annotated[
        Literal["shown", "gone", "retry"],
        Meta(
            description="`shown`: done. `gone`: the message does not exist any more. `retry`: lease it again later.",
            examples=["shown"],
        ),
    ]
    retry_after: (
        Annotated[int, _whole(0, 86_400, 30, "For `retry` only: seconds. Default: a growing pause.")] | None
    ) = None


class PlacementResults(Input):
    """The results of at most 1,000 edits."""

    example: ClassVar[dict[str, Any] | None] = {"results": [PlacementResult.example]}
    results: Annotated[list[PlacementResult], Meta(description="The results, at most 1,000.")]


def check_number_of_results(results: PlacementResults) -> None:
    """Raises `Invalid` if there are too many."""
    if len(results.results) > MAX_RESULTS:
        raise Invalid(FieldError("results", "too_long", {"maximum": MAX_RESULTS, "unit": "items"}))


class AcknowledgedPlacement(Struct, frozen=True, kw_only=True):
    """The effect of one result: `state`, or `code`."""

    id: PlacementId
    state: (
        Annotated[Literal["shown", "gone", "retry"], Meta(description="The reported result.", examples=["shown"])]
        | UnsetType
    ) = UNSET
    shown_etag: (
        Annotated[str | None, Meta(description="The `card_etag` that the message shows, or null.")] | UnsetType
    ) = UNSET
    retry_at: (
        Annotated[Instant | None, Meta(description="For `retry` only: the time from which it can be leased again.")]
        | UnsetType
    ) = UNSET
    code: (
        Annotated[
            Literal["placement_not_found"],
            Meta(description="There is no such placement of this bot.", examples=["placement_not_found"]),
        ]
        | UnsetType
    ) = UNSET


class AcknowledgedPlacements(Struct, frozen=True):
    """The effect of each result."""

    results: Annotated[list[AcknowledgedPlacement], Meta(description="One entry for each result, in the same order.")]
