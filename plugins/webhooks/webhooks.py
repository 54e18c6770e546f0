"""A webhook, the rules for its fields, and its delivery log."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal

import httpx
import msgspec
from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIType
from msgspec import Meta, Struct, field

from eventorg.plugin import FACTS, FactType, Id, Input, Instant, Refused, rule

MAX_URL: Final = 2_000
MAX_PORT: Final = 65_535
_OF_EVENTS: Final = ("event", "registration")
"""The kinds of changes that belong to an event."""
_PATTERN: Final = r"^(\*|[a-z][a-z0-9_]*\.([a-z][a-z0-9_]*|\*))$"


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
    """Returns patterns such as `event.created`, `event.*` or `*`, each once. Raises `Refused` for none."""
    if not patterns:
        raise Refused("too_short", minimum=1, unit="items")
    return sorted(set(patterns))


def check_types(patterns: Iterable[str], fact_types: Mapping[str, FactType], *, of_event: bool) -> None:
    """Raises `Refused` if a pattern matches no change of the core or of a loaded plugin; with `of_event`, no change
    that the hosts of an event may know."""
    names = [name for name in FACTS if not of_event or name.partition(".")[0] in _OF_EVENTS]
    names += [name for name, kind in fact_types.items() if not of_event or kind.audience != "user"]
    if not set(patterns) <= {"*", *names, *(f"{name.partition('.')[0]}.*" for name in names)}:
        raise Refused("invalid_choice")


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
        description="The http or https URL that gets the changes. It must have a public address.",
        examples=["https://example.com/hooks/eventorg"],
    ),
]
Types = Annotated[
    list[str],
    rule(
        clean_types,
        min_items=1,
        items=Schema(type=OpenAPIType.STRING, pattern=_PATTERN),
        description="The types of changes to send. `*`: all, `event.*`: all that begin with `event.`. Facts of plugins "
        "have types such as `<plugin>.<name>`.",
        examples=[["event.*", "registration.created"]],
    ),
]


class NewWebhook(Input):
    """A new webhook for the changes of an event: all of them, or only `types` such as `registration.*`."""

    url: Url
    types: Types = field(default_factory=lambda: ["*"])


class Webhook(Struct, kw_only=True, frozen=True):
    """A webhook with its status.

    It is disabled if `disabled_at` is set: its receiver was `gone` (410), or `failing` for a week, or for an hour with
    more than 1,000 waiting messages.
    """

    id: Annotated[Id, Meta(description="The webhook's ID.")]
    event_id: Annotated[Id, Meta(description="The event's ID.")] | None
    url: Annotated[
        str, Meta(description="The URL that gets the changes.", examples=["https://example.com/hooks/eventorg"])
    ]
    types: Annotated[
        list[str], Meta(description="The types of changes to send.", examples=[["event.*", "registration.created"]])
    ]
    created_at: Annotated[Instant, Meta(description="The time of creation, in UTC.")]
    failing_since: Annotated[str | None, Meta(description="The time since which each message fails, in UTC.")]
    disabled_at: Annotated[str | None, Meta(description="The time when the webhook was disabled, in UTC.")]
    disabled_reason: Annotated[
        Literal["gone", "failing"] | None,
        Meta(description="`gone`: the receiver returned 410. `failing`: messages failed for a week."),
    ]

    @classmethod
    def of(cls, row: Any) -> "Webhook":
        """Returns the webhook of a table row."""
        return cls(**{**row, "types": row["types"].split()})


def tag_of(webhook: Webhook) -> str:
    """Returns the entity tag of a webhook, which changes with every field other than the secret."""
    shown = msgspec.json.encode([getattr(webhook, name) for name in Webhook.__struct_fields__])
    return f'"{hashlib.sha256(shown).hexdigest()[:32]}"'


class CreatedWebhook(Webhook, frozen=True, kw_only=True):
    """A new webhook with its secret."""

    secret: Annotated[
        str,
        Meta(
            description="The secret that signs the messages. It is shown only once.",
            examples=["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"],
        ),
    ]


class Webhooks(Struct, kw_only=True, frozen=True):
    """The webhooks of an event in the order of creation."""

    event_id: Annotated[Id, Meta(description="The event's ID.")]
    webhooks: Annotated[list[Webhook], Meta(description="The webhooks, without their secrets.")]
    next: Annotated[str | None, Meta(description="The `cursor` of the next page. `null`: this is the last one.")]
    as_of: Annotated[int, Meta(description="The number of the last change when this page was read.", examples=[17])]


class WebhookDelivery(Struct, kw_only=True, frozen=True):
    """A message to one webhook, with the result of its last attempt."""

    id: Annotated[Id, Meta(description="The ID of the message.")]
    seq: Annotated[int, Meta(description="The number of the change.", examples=[17])]
    type: Annotated[str, Meta(description="The type of the change.", examples=["registration.created"])]
    event_id: Annotated[Id, Meta(description="The event's ID.")] | None
    status: Annotated[
        Literal["pending", "delivered", "failed"],
        Meta(description="The state of the message. `failed`: all attempts failed.", examples=["delivered"]),
    ]
    attempts: Annotated[int, Meta(description="The number of attempts so far.", examples=[1])]
    created_at: Annotated[Instant, Meta(description="The time of creation, in UTC.")]
    attempted_at: Annotated[str | None, Meta(description="The time of the last attempt, in UTC.")]
    due_at: Annotated[
        str | None, Meta(description="The time of the next attempt, in UTC. `null` once delivered or failed.")
    ]
    response_status: Annotated[int | None, Meta(description="The status of the last response.", examples=[200])]
    error: Annotated[
        Literal["timeout", "unresolvable", "address_refused", "connection_failed"] | None,
        Meta(description="The reason why the last attempt got no response."),
    ]
    milliseconds: Annotated[int | None, Meta(description="The duration of the last attempt.", examples=[85])]


class WebhookDeliveries(Struct, kw_only=True, frozen=True):
    """A page of the delivery log, newest first."""

    deliveries: Annotated[list[WebhookDelivery], Meta(description="The messages of this page.")]
    next: Annotated[str | None, Meta(description="The `cursor` of the next page. `null`: this is the last one.")]
    as_of: Annotated[int, Meta(description="The number of the last change when this page was read.", examples=[17])]
