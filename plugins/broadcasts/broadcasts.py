"""A broadcast, and the rules for its fields."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIType
from msgspec import Meta, Struct, field

from eventorg.plugin import Id, Input, Instant, Refused, moment, rule, text

MAX_UNITS: Final = 4_000
GROUPS: Final = ("registered", "waitlisted", "maybe", "declined")
_DEFAULT: Final = ("registered", "waitlisted")
_EXAMPLE: Final = "Встречаемся у входа в 18:45."

Group = Literal["registered", "waitlisted", "maybe", "declined"]


def _clean_length(value: str) -> str:
    """Returns the text, or raises `Refused` if it has too many UTF-16 code units, in which Telegram counts."""
    if len(value.encode("utf-16-le")) > 2 * MAX_UNITS:
        raise Refused("too_long", maximum=MAX_UNITS)
    return value


def _clean_groups(groups: list[str]) -> list[str]:
    """Returns each group once, in the order of `GROUPS`. Raises `Refused` if there is none."""
    if not groups:
        raise Refused("too_short", minimum=1, unit="items")
    return [group for group in GROUPS if group in groups]


_TO: Final = "The groups: `registered` (with people checked in), `waitlisted` (with people who wait for approval), "
_TO_ANSWERS: Final = "`maybe`, `declined`."


class NewBroadcast(Input):
    """A message to the people of an event."""

    example: ClassVar[dict[str, Any] | None] = {"text": _EXAMPLE, "to": ["registered", "maybe"]}
    text: Annotated[
        str,
        text(
            1,
            MAX_UNITS,
            lines=True,
            example=_EXAMPLE,
            description="The message, as plain text of at most 4,000 UTF-16 code units.",
        ),
        rule(_clean_length),
    ]
    to: Annotated[
        list[Group],
        rule(
            _clean_groups,
            min_items=1,
            items=Schema(type=OpenAPIType.STRING, enum=list(GROUPS)),
            description=f"{_TO}{_TO_ANSWERS} Default: `registered` and `waitlisted`.",
            examples=[["registered", "maybe"]],
        ),
    ] = field(default_factory=lambda: list(_DEFAULT))
    send_at: (
        Annotated[str, moment("The time to send it. Null, or a time in the past: now.", "2027-09-15T08:00:00Z")] | None
    ) = None


class Broadcast(Struct, frozen=True, kw_only=True):
    """A message to the people of an event, and how many of them have it."""

    id: Annotated[Id, Meta(description="The broadcast's ID.")]
    event_id: Annotated[Id, Meta(description="The event's ID.")]
    text: Annotated[str, Meta(description="The message, as plain text.", examples=[_EXAMPLE])]
    to: Annotated[list[Group], Meta(description=f"{_TO}{_TO_ANSWERS}", examples=[["registered", "maybe"]])]
    send_at: Annotated[Instant, Meta(description="The time from which it is sent, in UTC.")]
    created_at: Annotated[Instant, Meta(description="The time of creation, in UTC.")]
    created_by: Annotated[
        str | None, Meta(description="The ID of the host who wrote it. Null if the account has been deleted.")
    ]
    recipients: Annotated[
        int,
        Meta(
            description="The people whom it is for: the sum of the following four. Who has left does not count, "
            "unless it was sent before. 0 until it is sent.",
            examples=[42],
        ),
    ]
    waiting: Annotated[int, Meta(description="The people who do not have it yet.", examples=[2])]
    sent: Annotated[int, Meta(description="The people who have it.", examples=[37])]
    unreachable: Annotated[
        int,
        Meta(
            description="The people who have neither a Telegram account nor a verified address, or blocked the bot.",
            examples=[3],
        ),
    ]
    failed: Annotated[int, Meta(description="The people to whom it could not be sent.", examples=[0])]
    cancelled_at: Annotated[str | None, Meta(description="The time at which it was stopped, in UTC.")]


class Broadcasts(Struct, frozen=True, kw_only=True):
    """A page of the broadcasts of an event, the newest first."""

    broadcasts: Annotated[list[Broadcast], Meta(description="The broadcasts, the newest first.")]
    next: Annotated[str | None, Meta(description="The `cursor` of the next page, or null.")]
    as_of: Annotated[int, Meta(description="The number of the last change that the page shows.", examples=[42])]


def broadcast_of(row: Mapping[str, Any], people: Mapping[str | None, int]) -> Broadcast:
    """Returns a broadcast from its row and the number of recipients in each state. None: they do not count."""
    waiting, unreachable = people.get("waiting", 0), people.get("unreachable", 0)
    sent, failed = row["sent"] + people.get("sent", 0), row["failed"] + people.get("failed", 0)
    same = ("id", "event_id", "text", "send_at", "created_at", "created_by", "cancelled_at")
    return Broadcast(
        **{name: row[name] for name in same},
        to=row["audience"].split(),
        recipients=waiting + sent + unreachable + failed,
        waiting=waiting,
        sent=sent,
        unreachable=unreachable,
        failed=failed,
    )


def version_of(broadcast: Broadcast) -> str:
    """Returns what `If-Match` compares: whether the broadcast was stopped."""
    return "1" if broadcast.cancelled_at is None else "2"


def tag_of(broadcast: Broadcast) -> str:
    """Returns the entity tag: the version, and what else can change."""
    counts = (broadcast.waiting, broadcast.sent, broadcast.unreachable, broadcast.failed)
    has_creator = int(broadcast.created_by is not None)
    return f'"{version_of(broadcast)}-{"-".join(map(str, counts))}-{has_creator}"'
