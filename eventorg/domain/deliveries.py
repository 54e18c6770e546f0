"""Deliveries: messages for users, which bots lease and send, or the server sends by mail."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from eventorg.domain.errors import FieldError, Invalid
from eventorg.domain.values import Id, Input, Instant, Locale, Refused, rule

MAX_UNITS: Final = 4096
"""The longest text that Telegram accepts, in UTF-16 code units (Bot API, sendMessage)."""
MAX_RESULTS: Final = 1000
FIRST_PAUSE: Final = timedelta(seconds=30)
MAX_PAUSE: Final = timedelta(hours=1)

_KINDS_OF_0_1_0: Final = frozenset(("reminder", "changed", "cancelled", "promoted"))
"""The kinds of the plugin reminders from when the outbox belonged to it. They and their keys have no prefix."""

Channel = Literal["telegram", "email"]
Result = Literal["sent", "retry", "blocked"]
State = Literal["waiting", "leased", "retry", "sent", "blocked", "failed", "void"]


def _whole(minimum: int, maximum: int, example: int) -> Meta:
    def clean(value: int) -> int:
        if not minimum <= value <= maximum:
            raise Refused("out_of_range", minimum=minimum, maximum=maximum)
        return value

    return rule(clean, minimum=minimum, maximum=maximum, examples=[example])


class Lease(Input):
    """The maximum number of deliveries to lease, and the length of the lease in seconds. With `resume`, those that the
    bot holds already come first, and their leases begin again."""

    limit: Annotated[int, _whole(1, 100, 10)] = 10
    lease_seconds: Annotated[int, _whole(1, 3600, 60)] = 60
    resume: bool = False


class Acknowledgement(Input):
    """The result of a delivery. `retry_after`, in seconds, is used for `retry` only."""

    result: Result
    retry_after: Annotated[int, _whole(0, 86_400, 30)] | None = None


class DeliveryResult(Acknowledgement, kw_only=True):
    """The result of one of several deliveries."""

    id: str


class DeliveryResults(Input):
    """The results of at most 1,000 deliveries."""

    results: list[DeliveryResult]


def check_number_of_results(results: DeliveryResults) -> None:
    """Raises `Invalid` if there are too many."""
    if len(results.results) > MAX_RESULTS:
        raise Invalid(FieldError("results", "too_long", {"maximum": MAX_RESULTS}))


class Delivery(Struct, frozen=True, kw_only=True):
    """A message to send. It may be leased twice, with the same `dedupe_key`."""

    id: Id
    dedupe_key: str
    kind: str
    channel: Literal["telegram"]
    user_id: Id
    telegram_id: int
    locale: Locale
    event_id: Id | None
    text: str
    due_at: Instant


class Deliveries(Struct, frozen=True):
    """The leased deliveries, oldest first."""

    deliveries: list[Delivery]


class Acknowledged(Struct, frozen=True):
    """The current state of a delivery. `retry_at` is the time from which it can be leased again, for `retry` only."""

    id: Id
    state: Result
    retry_at: Instant | None


class AcknowledgedResult(Struct, frozen=True, kw_only=True):
    """What came of one result: `state` and `retry_at` as the request for one delivery answers, or `code`.

    `delivery_not_found`: there is no such delivery, or its user or event has been deleted. `conflict`: another bot has
    leased it, or another result was reported before.
    """

    id: str
    state: Result | UnsetType = UNSET
    retry_at: Instant | UnsetType | None = UNSET
    code: Literal["delivery_not_found", "conflict"] | UnsetType = UNSET


class AcknowledgedResults(Struct, frozen=True):
    """What came of each result, in the order of the request."""

    results: list[AcknowledgedResult]


class Notice(Struct, frozen=True, kw_only=True):
    """A message of a plugin, as the plugin gave it to `Context.notify`: `kind` and `dedupe_key` are its own."""

    user_id: Id
    kind: str
    dedupe_key: str
    event_id: Id | None
    due_at: Instant


class Outgoing(Struct, frozen=True, kw_only=True):
    """A stored delivery with the address and the language of its user. `texts` is JSON."""

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
    """A stored delivery, in the export of its user. `holder` is the bot that leased it last, empty for mail."""

    id: Id
    dedupe_key: str
    kind: str
    event_id: Id | None
    texts: Any
    due_at: Instant
    expires_at: Instant | None
    state: State
    ready_at: Instant
    holder: str | None
    attempts: int


def full_name(producer: str, kind: str) -> str:
    """Returns a plugin's kind as bots see it."""
    return kind if _is_old(producer, kind) else f"{producer}.{kind}"


def full_key(producer: str, kind: str, dedupe_key: str) -> str:
    """Returns a plugin's key as bots see it."""
    return dedupe_key if _is_old(producer, kind) else f"{producer}:{dedupe_key}"


def _is_old(producer: str, kind: str) -> bool:
    return producer == "reminders" and kind in _KINDS_OF_0_1_0


def check_texts(texts: Mapping[str, str]) -> None:
    """Raises `ValueError` unless there is a text, and each can be sent."""
    if not texts:
        raise ValueError("a notice needs a text")
    for language, text in texts.items():
        if not 1 <= len(text.encode("utf-16-le")) // 2 <= MAX_UNITS:
            raise ValueError(f"the {language} text of a notice needs 1 to {MAX_UNITS} UTF-16 code units")


def pause_after(attempts: int) -> timedelta:
    """Returns the pause after this many attempts."""
    return min(FIRST_PAUSE * (1 << min(attempts - 1, 10)), MAX_PAUSE)
