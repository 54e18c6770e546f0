"""A webhook, what may be said of one, and the log of what it was told."""

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
"""The kinds of changes that have an event."""
_PATTERNS: Final = [
    "*",
    *(f"{kind}.*" for kind in _OF_EVENTS),
    *(n for n in FACTS if n.partition(".")[0] in _OF_EVENTS),
]


def clean_url(value: str) -> str:
    """An absolute http or https URL without a user, a password or a fragment. Raises `Refused`."""
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
    """Types of changes, `event.*` and the like, or `*`, each once. Raises `Refused` for what nothing is called."""
    kinds = {name.partition(".")[0] for name in FACTS}
    if not patterns:
        raise Refused("too_short", minimum=1)
    if not set(patterns) <= {"*", *FACTS, *(f"{kind}.*" for kind in kinds)}:
        raise Refused("invalid_choice")
    return sorted(set(patterns))


def _clean_types_of_events(patterns: list[str]) -> list[str]:
    if not all(pattern == "*" or pattern.partition(".")[0] in _OF_EVENTS for pattern in patterns):
        raise Refused("invalid_choice")
    return clean_types(patterns)


def matches(patterns: str, name: str) -> bool:
    """Whether a type of change is among the patterns, which spaces separate."""
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
    """A webhook to be, told of an event's changes: of all, or of `types` such as `registration.*`."""

    url: Url
    types: Types = field(default_factory=lambda: ["*"])


class Webhook(Struct, kw_only=True, frozen=True):
    """A webhook. It is off if `disabled_at` is set: because its receiver said it is `gone` (410), or was `failing`
    for a week."""

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
        """The webhook of a row of the table."""
        return cls(**{**row, "types": row["types"].split()})


def tag_of(webhook: Webhook) -> str:
    """The entity tag of a webhook: another one for whatever it shows."""
    return f'"{hashlib.sha256(msgspec.json.encode(webhook)).hexdigest()[:32]}"'


class CreatedWebhook(Webhook, frozen=True, kw_only=True):
    """A new webhook with its secret, which is shown this once."""

    secret: str


class Webhooks(Struct, kw_only=True, frozen=True):
    """The webhooks of an event, in the order they were made."""

    event_id: Id
    webhooks: list[Webhook]
    as_of: int


class WebhookDelivery(Struct, kw_only=True, frozen=True):
    """A message to one webhook, and how its last attempt went: what was answered, or what kept it from being sent.

    `due_at` is when it is sent next; null once it is `delivered` or given up (`failed`).
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
    """A page of the delivery log, the newest first; `next` continues it."""

    deliveries: list[WebhookDelivery]
    next: str | None
    as_of: int
