"""Deliveries: messages for users, which bots lease and send, or the server sends by mail."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, json

from eventorg.domain.calendars import CalendarEvent
from eventorg.domain.errors import FieldError, Invalid
from eventorg.domain.fields import EventId, UserId
from eventorg.domain.values import Id, Input, Instant, Locale, Refused, identifier, instant, rule

MAX_UNITS: Final = 4096
"""The longest text that Telegram accepts, in UTF-16 code units (Bot API, sendMessage)."""
MAX_RESULTS: Final = 1000
NOT_HELD: Final = {
    "ru": "Это сообщение больше не у вашего бота, или бот уже сообщил другой результат.",
    "en": "Your bot no longer holds this delivery, or it has already reported another result.",
}
"""The texts of the code `conflict` for a result that cannot be stored."""
FIRST_PAUSE: Final = timedelta(seconds=30)
MAX_PAUSE: Final = timedelta(hours=1)

CORE: Final = "eventorg"
"""The producer of the core's own messages. Their kinds have no prefix. No plugin has this name."""

_KINDS_OF_0_1_0: Final = frozenset(("reminder", "changed", "cancelled", "promoted"))
"""The kinds of the plugin reminders from when the outbox belonged to it. They and their keys have no prefix."""

KINDS_WITH_CALENDAR: Final = _KINDS_OF_0_1_0
"""The kinds of messages that carry the calendar entry of their event, if they are mails to somebody who has a seat."""

Channel = Literal["telegram", "email"]
Result = Literal["sent", "retry", "blocked"]
State = Literal["waiting", "leased", "retry", "sent", "blocked", "failed", "void"]


def _whole(minimum: int, maximum: int, example: int, description: str) -> Meta:
    def clean(value: int) -> int:
        if not minimum <= value <= maximum:
            raise Refused("out_of_range", minimum=minimum, maximum=maximum)
        return value

    return rule(clean, minimum=minimum, maximum=maximum, description=description, examples=[example])


DeliveryId = Annotated[str, identifier("The delivery's ID.", "7d1e5b0a-2c84-4f6b-9a3e-5c0f8e2b6d41")]
DedupeKey = Annotated[
    str,
    Meta(
        description="The same key is the same message.",
        examples=["reminder:0b9fdc1e-7f5c-4a55-9f0e-3c1d5d3a6f11:5a2e7c4d-91b3-4f0e-8c6d-2b7f4a1e9d30:PT24H"],
    ),
]
Kind = Annotated[
    str,
    Meta(
        description="The reason for the message: `added` (by a host), `reminder`, or `<plugin>.<kind>`.",
        examples=["reminder"],
    ),
]
DueAt = Annotated[str, instant("The time from which the message is due, in UTC.")]
RetryAt = Annotated[
    str | None, Meta(description="For `retry` only: the time from which it can be leased again, in UTC.")
]


class Lease(Input):
    """The number of deliveries to lease, and for how long."""

    limit: Annotated[int, _whole(1, 100, 10, "The maximum number of deliveries.")] = 10
    lease_seconds: Annotated[int, _whole(1, 3600, 60, "The length of the lease in seconds.")] = 60
    resume: Annotated[
        bool,
        Meta(
            description="`true`: the deliveries that the bot holds already come first, and their leases begin again.",
            examples=[False],
        ),
    ] = False


class Acknowledgement(Input):
    """The result of a delivery."""

    example: ClassVar[dict[str, Any] | None] = {"result": "sent"}
    result: Annotated[
        Result,
        Meta(
            description="`sent`: done. `retry`: lease it again later. `blocked`: the user cannot be reached.",
            examples=["sent"],
        ),
    ]
    retry_after: (
        Annotated[int, _whole(0, 86_400, 30, "For `retry` only: seconds. Default: a growing pause.")] | None
    ) = None


class DeliveryResult(Acknowledgement, kw_only=True):
    """The result of one of several deliveries."""

    example: ClassVar[dict[str, Any] | None] = {"id": "7d1e5b0a-2c84-4f6b-9a3e-5c0f8e2b6d41", "result": "sent"}
    id: Annotated[str, Meta(description="The delivery's ID.", examples=["7d1e5b0a-2c84-4f6b-9a3e-5c0f8e2b6d41"])]


class DeliveryResults(Input):
    """The results of at most 1,000 deliveries."""

    example: ClassVar[dict[str, Any] | None] = {"results": [DeliveryResult.example]}
    results: Annotated[list[DeliveryResult], Meta(description="The results, at most 1,000.")]


def check_number_of_results(results: DeliveryResults) -> None:
    """Raises `Invalid` if there are too many."""
    if len(results.results) > MAX_RESULTS:
        raise Invalid(FieldError("results", "too_long", {"maximum": MAX_RESULTS, "unit": "items"}))


class Delivery(Struct, frozen=True, kw_only=True):
    """A message to send. It may be leased twice, with the same `dedupe_key`."""

    id: DeliveryId
    dedupe_key: DedupeKey
    kind: Kind
    channel: Annotated[Literal["telegram"], Meta(description="The way to the user.", examples=["telegram"])]
    user_id: UserId
    telegram_id: Annotated[int, Meta(description="The Telegram ID to send the text to.", examples=[123456789])]
    locale: Locale
    event_id: EventId | None
    text: Annotated[str, Meta(description="The text to send.", examples=["Встреча выпускников: завтра в 13:00"])]
    due_at: DueAt


class Deliveries(Struct, frozen=True):
    """The leased deliveries by the time from which they are due; those of one second in the order they were made."""

    deliveries: Annotated[list[Delivery], Meta(description="The deliveries that this bot holds now.")]


class Acknowledged(Struct, frozen=True):
    """The current state of a delivery."""

    id: DeliveryId
    state: Annotated[Result, Meta(description="The reported result.", examples=["sent"])]
    retry_at: RetryAt


class AcknowledgedResult(Struct, frozen=True, kw_only=True):
    """The effect of one result: `state` and `retry_at` as in the response for one delivery, or `code`."""

    id: Annotated[
        str,
        Meta(description="The delivery's ID from the request.", examples=["7d1e5b0a-2c84-4f6b-9a3e-5c0f8e2b6d41"]),
    ]
    state: Annotated[Result, Meta(description="The reported result.", examples=["sent"])] | UnsetType = UNSET
    retry_at: RetryAt | UnsetType = UNSET
    code: (
        Annotated[
            Literal["delivery_not_found", "conflict"],
            Meta(
                description="`delivery_not_found`: there is no such delivery, or its user or event has been deleted. "
                "`conflict`: another bot has leased it, or another result was reported before.",
                examples=["conflict"],
            ),
        ]
        | UnsetType
    ) = UNSET


class AcknowledgedResults(Struct, frozen=True):
    """The effect of each result."""

    results: Annotated[list[AcknowledgedResult], Meta(description="One entry for each result, in the same order.")]


class Notice(Struct, frozen=True, kw_only=True):
    """A message of a plugin, as the plugin gave it to `Context.notify`: `kind` and `dedupe_key` are its own."""

    user_id: Id
    kind: str
    dedupe_key: str
    event_id: Id | None
    due_at: Instant


class Outgoing(Struct, frozen=True, kw_only=True):
    """A stored delivery with the address and the language of its user. `texts` is JSON, and `event` the event of a mail
    that carries a calendar entry, and `seq` grows in the order in which messages are made."""

    seq: int
    id: str
    dedupe_key: str
    producer: str
    kind: str
    user_id: str
    telegram_id: int | None
    email: str | None
    locale: str
    event_id: str | None
    texts: str
    due_at: str
    state: State
    ready_at: str
    holder: str | None
    attempts: int
    event: CalendarEvent | None = None

    @property
    def notice(self) -> Notice:
        """The message as its plugin knows it."""
        return Notice(
            user_id=self.user_id,
            kind=self.kind.removeprefix(f"{self.producer}."),
            dedupe_key=self.dedupe_key.removeprefix(f"{self.producer}:"),
            event_id=self.event_id,
            due_at=self.due_at,
        )


class KeptDelivery(Struct, frozen=True, kw_only=True):
    """A stored delivery, in the export of its user."""

    id: DeliveryId
    dedupe_key: DedupeKey
    kind: Kind
    event_id: EventId | None
    texts: Annotated[
        dict[str, str], Meta(description="The text by language.", examples=[{"ru": "Встреча выпускников: завтра"}])
    ]
    due_at: DueAt
    expires_at: Annotated[str | None, Meta(description="The time from which it is not sent any more, in UTC.")]
    state: Annotated[
        State,
        Meta(
            description="`waiting`, `leased` and `retry` can be sent. `void` is obsolete. The others are results.",
            examples=["sent"],
        ),
    ]
    ready_at: Annotated[str, instant("The time of the next attempt, the end of the lease, or the result, in UTC.")]
    holder: Annotated[
        str | None, Meta(description="The bot that leased it last. Empty: the server, for mail.", examples=["my-bot"])
    ]
    attempts: Annotated[int, Meta(description="The number of attempts.", examples=[1])]


def full_name(producer: str, kind: str) -> str:
    """Returns a producer's kind as bots see it."""
    return kind if producer == CORE or _is_old(producer, kind) else f"{producer}.{kind}"


def full_key(producer: str, kind: str, dedupe_key: str) -> str:
    """Returns a producer's key as bots see it."""
    return dedupe_key if _is_old(producer, kind) else f"{producer}:{dedupe_key}"


def _is_old(producer: str, kind: str) -> bool:
    return producer == "reminders" and kind in _KINDS_OF_0_1_0


def encode_texts(texts: Mapping[str, str]) -> str:
    """Returns the texts as JSON. Raises `ValueError` unless there is a text, and each can be sent."""
    if not texts:
        raise ValueError("a notice needs a text")
    for language, text in texts.items():
        if not 1 <= len(text.encode("utf-16-le")) // 2 <= MAX_UNITS:
            raise ValueError(f"the {language} text of a notice needs 1 to {MAX_UNITS} UTF-16 code units")
    return json.encode(dict(texts)).decode()


def pause_after(attempts: int) -> timedelta:
    """Returns the pause after this many attempts."""
    return min(FIRST_PAUSE * (1 << min(attempts - 1, 10)), MAX_PAUSE)
