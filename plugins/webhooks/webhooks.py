"""A webhook, the rules for its fields, and its delivery log."""

import hashlib
from typing import Annotated, Any, Final, Literal

import httpx
import msgspec
from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIType
from msgspec import Struct, field

from eventorg.plugin import FACTS, Id, Input, Instant, Refused, rule

MAX_URL: Final = 2_000
MAX_PORT: Final = 65_535
_OF_EVENTS: Final = ("event", "registration")
"""The kinds of changes that belong to an event."""
_PATTERNS: Final = [
    "*",
    *(f"{kind}.*" for kind in _OF_EVENTS),
    *(n for n in FACTS if n.partition(".")[0] in _OF_EVENTS),
]


def clean_url(value: str) -> str:
    """Returns an absolute http or https URL without user, password or fragment. Raises `Refused`."""
    value = value.strip()
    if len(value) > MAX_URL:
        raise Refused("too_long", maximum=MAX_URL)
    if not value.isprintable() or " " in value:
        raise Refused("invalid")
    try:
        url = httpx.URL(value)
    except (httpx.InvalidURL, ValueError):
        raise Refused("invalid") from None
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or "#" in value:
        raise Refused("invalid")
    if url.port is not None and not 1 <= url.port <= MAX_PORT:
        raise Refused("invalid")
    return value


def clean_types(patterns: list[str]) -> list[str]:
    """Returns patterns such as `event.created`, `event.*` or `*`, each once. Raises `Refused` for an unknown one."""
    kinds = {name.partition(".")[0] for name in FACTS}
    if not patterns:
        raise Refused("too_short", minimum=1, unit="items")
    if not set(patterns) <= {"*", *FACTS, *(f"{kind}.*" for kind in kinds)}:
        raise Refused("invalid_choice")
    return sorted(set(patterns))


def _clean_types_of_events(patterns: list[str]) -> list[str]:
    if not all(pattern == "*" or pattern.partition(".")[0] in _OF_EVENTS for pattern in patterns):
        raise Refused("invalid_choice")
    return clean_types(patterns)


def matches(patterns: str, name: str) -> bool:
    """Returns true if a type of change matches one of the patterns, which are separated by spaces."""
    return any(pattern in ("*", name, f"{name.partition('.')[0]}.*") for pattern in patterns.split())


Url = Annotated[
    str,
    rule(
        clean_url,
        max_length=MAX_URL,
        format="uri",
        pattern="^https?://",
        examples=["https://example.com/hooks/eventorg"],
    ),
]
Types = Annotated[
    list[str],
    rule(
        _clean_types_of_events,
        min_items=1,
        items=Schema(type=OpenAPIType.STRING, enum=_PATTERNS),
        examples=[["event.*", "registration.created"]],
    ),
]


class NewWebhook(Input):
    """A new webhook for the changes of an event: all of them, or only `types` such as `registration.*`."""

    url: Url
    types: Types = field(default_factory=lambda: ["*"])


class Webhook(Struct, kw_only=True, frozen=True):
    """A webhook. It is disabled if `disabled_at` is set: its receiver was `gone` (410), or `failing` for a week, or
    for an hour with more than 1,000 waiting messages."""

    id: Id
    event_id: Id | None
    url: str
    types: list[str]
    created_at: Instant
    failing_since: Instant | None
    disabled_at: Instant | None
    disabled_reason: Literal["gone", "failing"] | None

    @classmethod
    def of(cls, row: Any) -> "Webhook":
        """Returns the webhook of a table row."""
        return cls(**{**row, "types": row["types"].split()})


def tag_of(webhook: Webhook) -> str:
    """Returns the entity tag of a webhook, which changes with every field."""
    return f'"{hashlib.sha256(msgspec.json.encode(webhook)).hexdigest()[:32]}"'


class CreatedWebhook(Webhook, frozen=True, kw_only=True):
    """A new webhook with its secret, which is shown only once."""

    secret: str


class Webhooks(Struct, kw_only=True, frozen=True):
    """The webhooks of an event in the order of creation."""

    event_id: Id
    webhooks: list[Webhook]
    as_of: int


class WebhookDelivery(Struct, kw_only=True, frozen=True):
    """A message to one webhook, with the result of its last attempt: the status of the response, or the error.

    `due_at` is the time of the next attempt, and null once the message is `delivered` or has `failed`.
    """

    id: Id
    seq: int
    type: str
    event_id: Id | None
    status: Literal["pending", "delivered", "failed"]
    attempts: int
    created_at: Instant
    attempted_at: Instant | None
    due_at: Instant | None
    response_status: int | None
    error: Literal["timeout", "unresolvable", "address_refused", "connection_failed"] | None
    milliseconds: int | None


class WebhookDeliveries(Struct, kw_only=True, frozen=True):
    """A page of the delivery log, newest first. `next` is the cursor of the following page."""

    deliveries: list[WebhookDelivery]
    next: str | None
    as_of: int
