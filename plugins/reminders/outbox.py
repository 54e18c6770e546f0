"""The outbox: messages to deliver, their leases and their results."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Final, Literal
from uuid import uuid4

from msgspec import Meta, Struct

from eventorg.plugin import (
    Caller,
    Conflict,
    Context,
    Id,
    Input,
    Instant,
    Locale,
    NotFound,
    Refused,
    Transaction,
    rfc3339,
    rule,
)

from .texts import message

GRACE: Final = timedelta(minutes=10)
"""A reminder is sent until the event starts, or until this long after its time, whichever is later."""

_FIRST_PAUSE: Final = timedelta(seconds=30)
_MAX_PAUSE: Final = timedelta(hours=1)
_MAX_WRITE: Final = 200
_NOT_HELD: Final = {
    "ru": "Это сообщение больше не у вашего бота, или бот уже сообщил другой результат.",
    "en": "Your bot no longer holds this delivery, or it has already reported another result.",
}

Kind = Literal["reminder", "promoted", "changed", "cancelled"]
Channel = Literal["telegram", "email"]
Result = Literal["sent", "retry", "blocked"]


def _whole(minimum: int, maximum: int, example: int, description: str) -> Meta:
    def clean(value: int) -> int:
        if not minimum <= value <= maximum:
            raise Refused("out_of_range", minimum=minimum, maximum=maximum)
        return value

    return rule(clean, minimum=minimum, maximum=maximum, description=description, examples=[example])


class Lease(Input):
    """The number of deliveries to lease, and for how long."""

    limit: Annotated[int, _whole(1, 100, 10, "The maximum number of deliveries.")] = 10
    lease_seconds: Annotated[int, _whole(1, 3600, 60, "The length of the lease in seconds.")] = 60


class Acknowledgement(Input):
    """The result of a delivery."""

    example: ClassVar[dict[str, Any]] = {"result": "sent"}
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


class NewDelivery(Struct, frozen=True):
    """A delivery to create, unless there is one with the same key."""

    dedupe_key: str
    kind: Kind
    user_id: str
    event_id: str
    start_time: str
    due_at: str


class Outgoing(Struct, frozen=True, kw_only=True):
    """A delivery with the current data for its text."""

    id: str
    dedupe_key: str
    kind: Kind
    user_id: str
    telegram_id: int | None
    email: str | None
    locale: str
    timezone: str
    event_id: str
    title: str
    start_time: str
    location: str | None
    due_at: str
    state: str
    ready_at: str
    holder: str | None
    attempts: int

    @property
    def text(self) -> str:
        """The text for the user."""
        return message(self.kind, self.locale, self.timezone, self.title, self.start_time, self.location)


class Delivery(Struct, frozen=True, kw_only=True):
    """A message to send. It may be leased twice, with the same `dedupe_key`."""

    id: Annotated[Id, Meta(description="The delivery's id.")]
    dedupe_key: Annotated[
        str, Meta(description="The same key is the same message.", examples=["reminder:0b9fdc1e:5a2e7c4d:86400"])
    ]
    kind: Annotated[Kind, Meta(description="The reason for the message.", examples=["reminder"])]
    channel: Annotated[Literal["telegram"], Meta(description="The way to the user.", examples=["telegram"])]
    user_id: Annotated[Id, Meta(description="The user's id.")]
    telegram_id: Annotated[int, Meta(description="The Telegram id to send the text to.", examples=[123456789])]
    locale: Locale
    event_id: Annotated[Id, Meta(description="The event's id.")]
    text: Annotated[str, Meta(description="The text to send.", examples=["Встреча выпускников: завтра в 13:00"])]
    due_at: Annotated[Instant, Meta(description="The time from which the message is due, in UTC.")]


class Deliveries(Struct, frozen=True):
    """The leased deliveries, oldest first."""

    deliveries: Annotated[list[Delivery], Meta(description="The deliveries that this bot holds now.")]


class Acknowledged(Struct, frozen=True):
    """The current state of a delivery."""

    id: Annotated[Id, Meta(description="The delivery's id.")]
    state: Annotated[Result, Meta(description="The reported result.", examples=["sent"])]
    retry_at: Annotated[
        str | None, Meta(description="For `retry` only: the time from which it can be leased again, in UTC.")
    ]


async def create_deliveries(context: Context, new: Sequence[NewDelivery]) -> None:
    """Adds deliveries to the outbox in batches. Existing ones stay unchanged."""
    for start in range(0, len(new), _MAX_WRITE):
        stretch = new[start : start + _MAX_WRITE]

        def work(tx: Transaction, stretch: Sequence[NewDelivery] = stretch) -> None:
            for one in stretch:
                tx.run(
                    context.sql.create_delivery,
                    delivery_id=str(uuid4()),
                    dedupe_key=one.dedupe_key,
                    kind=one.kind,
                    user_id=one.user_id,
                    event_id=one.event_id,
                    start_time=one.start_time,
                    due_at=one.due_at,
                )

        await context.write(work)


def lease(context: Context, tx: Transaction, holder: str, channel: Channel, wanted: Lease) -> list[Outgoing]:
    """Leases due deliveries to one holder and returns them, oldest first. Leaves out those that are obsolete."""
    now = datetime.fromisoformat(tx.now)
    ids = tx.all(
        context.sql.lease_deliveries,
        holder=holder,
        channel=channel,
        now=tx.now,
        grace=rfc3339(now - GRACE),
        until=rfc3339(now + timedelta(seconds=wanted.lease_seconds)),
        most=wanted.limit,
    )
    leased = [load(context, tx, row["id"]) for row in ids]
    return sorted(leased, key=lambda one: (one.due_at, one.dedupe_key))


def load(context: Context, tx: Transaction, delivery_id: str) -> Outgoing:
    """Returns a delivery. Raises `NotFound`."""
    found = find(context, tx, delivery_id)
    if found is None:
        raise NotFound()
    return found


def find(context: Context, tx: Transaction, delivery_id: str) -> Outgoing | None:
    """Returns a delivery, or None."""
    row = tx.one(context.sql.get_delivery, delivery_id=delivery_id)
    return Outgoing(**row) if row else None


async def lease_for_bot(context: Context, wanted: Lease, caller: Caller) -> Deliveries:
    """Leases messages for users with a Telegram account to a bot.

    The record of a request with an idempotency key contains only the ids, because names and addresses of the recipients
    must not outlive their accounts.
    """

    def work(tx: Transaction) -> list[str]:
        return [one.id for one in lease(context, tx, caller.bot or "", "telegram", wanted)]

    ids = await context.write_once(caller, list[str], work)
    found = await context.read(lambda tx: [find(context, tx, delivery_id) for delivery_id in ids])
    return Deliveries(
        [
            Delivery(
                id=one.id,
                dedupe_key=one.dedupe_key,
                kind=one.kind,
                channel="telegram",
                user_id=one.user_id,
                telegram_id=one.telegram_id,
                locale=one.locale,
                event_id=one.event_id,
                text=one.text,
                due_at=one.due_at,
            )
            for one in found
            if one is not None and one.telegram_id is not None
        ]
    )


async def acknowledge(context: Context, delivery_id: str, said: Acknowledgement, caller: Caller) -> Acknowledged:
    """Stores the result of a delivery that a bot holds. The same result again changes nothing.

    Raises `NotFound` (also if the user or event has been deleted) and `Conflict` (the bot does not hold the delivery).
    """

    def work(tx: Transaction) -> Acknowledged:
        before = load(context, tx, delivery_id)
        if before.holder != caller.bot or before.state not in ("leased", said.result):
            raise Conflict(**_NOT_HELD)
        retry_at = before.ready_at
        if before.state == "leased":
            pause = pause_after(before.attempts) if said.retry_after is None else timedelta(seconds=said.retry_after)
            retry_at = rfc3339(datetime.fromisoformat(tx.now) + pause)
            finish(context, tx, before, said.result, retry_at)
        return Acknowledged(before.id, said.result, retry_at if said.result == "retry" else None)

    return await context.write_once(caller, Acknowledged, work)


def finish(context: Context, tx: Transaction, held: Outgoing, state: str, retry_at: str) -> None:
    """Ends a lease, if its holder still has it. After `blocked`, the user gets nothing more until the next action."""
    tx.run(context.sql.finish_delivery, delivery_id=held.id, holder=held.holder, state=state, ready_at=retry_at)
    if state == "blocked":
        tx.run(context.sql.mark_unreachable, user_id=held.user_id)
        tx.run(context.sql.stop_deliveries, user_id=held.user_id)


def pause_after(attempts: int) -> timedelta:
    """Returns the pause after this many attempts."""
    return min(_FIRST_PAUSE * (1 << min(attempts - 1, 10)), _MAX_PAUSE)
