"""Stores webhooks and their delivery log. Each method is one use case and one transaction."""

from typing import Annotated, Any, Final
from uuid import uuid4

from msgspec import Meta

from eventorg.plugin import (
    Caller,
    Conflict,
    Context,
    Event,
    NotFound,
    Transaction,
    check_host,
    check_version,
    decode_cursor,
    encode_cursor,
)

from .messages import make_secret
from .webhooks import CreatedWebhook, NewWebhook, Webhook, WebhookDeliveries, WebhookDelivery, Webhooks, tag_of

MAX_PER_EVENT: Final = 10
OFF: Final = {
    "ru": "Вебхук выключен. Сначала включите его.",
    "en": "The webhook is disabled. Enable it first.",
}
_FULL: Final = {
    "ru": f"У мероприятия уже {MAX_PER_EVENT} вебхуков. Сначала удалите один из них.",
    "en": f"The event already has {MAX_PER_EVENT} webhooks. Delete one first.",
}
_FIRST: Final = ("", "")
"""The place in front of all webhooks of an event."""
_MAX_NUMBER: Final = 2**62
_Number = Annotated[int, Meta(ge=0, le=_MAX_NUMBER)]


class HostsWebhooks:
    """The webhooks of an event, for its hosts.

    Each method raises `NotFound` for an event or webhook that the caller may not see, and `Forbidden` if the caller is
    not a host.
    """

    def __init__(self, context: Context, event_id: str, caller: Caller) -> None:
        self._context = context
        self._sql = context.sql
        self._event_id = event_id
        self._caller = caller

    async def check(self) -> None:
        """Raises `NotFound` or `Forbidden` if the caller may not use the webhooks."""
        await self._context.read(self._load_event)

    async def create(self, new: NewWebhook) -> CreatedWebhook:
        """Creates a webhook and returns it with its secret. Raises `Conflict` if the event has the maximum number."""

        def work(tx: Transaction) -> CreatedWebhook:
            event = self._load_event(tx)
            if len(self._list(tx, event.id, _FIRST, MAX_PER_EVENT)) >= MAX_PER_EVENT:
                raise Conflict(**_FULL)
            return create(self._context, tx, new.url, new.types, event.id, self._caller.user_id)

        return await self._context.write_once(self._caller, CreatedWebhook, work, may_see=self._may_see)

    async def find(self, limit: int, cursor: str | None) -> Webhooks:
        """Returns a page of the webhooks of the event in the order of creation. Raises `Invalid` for an invalid
        cursor."""
        after = decode_cursor(cursor, tuple[str, str]) or _FIRST

        def work(tx: Transaction) -> Webhooks:
            event = self._load_event(tx)
            found = self._list(tx, event.id, after, limit + 1)
            page = found[:limit]
            return Webhooks(
                event_id=event.id,
                webhooks=page,
                next=encode_cursor((page[-1].created_at, page[-1].id)) if len(found) > limit else None,
                as_of=self._context.load_last_change(tx),
            )

        return await self._context.read(work)

    async def get(self, webhook_id: str) -> Webhook:
        """Returns a webhook."""
        return await self._context.read(lambda tx: self._load(tx, webhook_id))

    async def enable(self, webhook_id: str) -> Webhook:
        """Enables a webhook and returns it. Its pending messages are sent."""

        def work(tx: Transaction) -> Webhook:
            self._load(tx, webhook_id)
            enable(self._context, tx, webhook_id)
            return self._load(tx, webhook_id)

        return await self._context.write_once(self._caller, Webhook, work, may_see=self._may_see)

    async def delete(self, webhook_id: str, expected: frozenset[str] | None) -> None:
        """Deletes a webhook with its log and pending messages. Raises `VersionMismatch`."""

        def work(tx: Transaction) -> None:
            check_version(tag_of(self._load(tx, webhook_id)), expected)
            tx.run(self._sql.delete_endpoint, id=webhook_id)

        await self._context.write(work)

    async def find_deliveries(self, webhook_id: str, limit: int, cursor: str | None) -> WebhookDeliveries:
        """Returns a page of the webhook's log, newest first. Raises `Invalid` for an invalid cursor."""
        before = decode_cursor(cursor, _Number)

        def work(tx: Transaction) -> WebhookDeliveries:
            self._load(tx, webhook_id)
            return find_deliveries(self._context, tx, webhook_id, limit, before)

        return await self._context.read(work)

    async def replay(self, webhook_id: str, delivery_id: str) -> WebhookDelivery:
        """Queues a delivery to be sent again now, and returns it. Raises `Conflict` if the webhook is disabled."""

        def work(tx: Transaction) -> WebhookDelivery:
            self._load(tx, webhook_id)
            return replay(self._context, tx, delivery_id, webhook_id)

        return await self._context.write_once(self._caller, WebhookDelivery, work, may_see=self._may_see)

    def _load_event(self, tx: Transaction) -> Event:
        event, role = self._context.load_event(tx, self._event_id, self._caller.user_id)
        check_host(role)
        return event

    def _list(self, tx: Transaction, event_id: str, after: tuple[str, str], most: int) -> list[Webhook]:
        after_time, after_id = after
        place = {"after_time": after_time, "after_id": after_id}
        return [Webhook.of(row) for row in tx.all(self._sql.list_endpoints_of, event_id=event_id, **place, most=most)]

    def _may_see(self, tx: Transaction, _: object) -> None:
        self._load_event(tx)

    def _load(self, tx: Transaction, webhook_id: str) -> Webhook:
        return load(self._context, tx, webhook_id, self._load_event(tx).id)


def create(
    context: Context, tx: Transaction, url: str, types: list[str], event_id: str | None, user_id: str | None
) -> CreatedWebhook:
    """Creates a webhook of an event and the host who creates it, or of the operator."""
    webhook_id, secret = str(uuid4()), make_secret()
    tx.run(
        context.sql.create_endpoint,
        id=webhook_id,
        event_id=event_id,
        url=url,
        types=" ".join(types),
        secret=secret,
        created_by=user_id,
        after=context.load_last_change(tx),
        now=tx.now,
    )
    made = load(context, tx, webhook_id, event_id)
    return CreatedWebhook(**{name: getattr(made, name) for name in made.__struct_fields__}, secret=secret)


def load(context: Context, tx: Transaction, webhook_id: str, event_id: str | None = None) -> Webhook:
    """Returns a webhook; with `event_id`, only one of that event. Raises `NotFound`."""
    row = tx.one(context.sql.get_endpoint, id=webhook_id, event_id=event_id)
    if row is None:
        raise NotFound()
    return Webhook.of(row)


def enable(context: Context, tx: Transaction, webhook_id: str) -> bool:
    """Enables a webhook. Changes made while it was disabled are not sent. Returns false if there is no such webhook."""
    return bool(tx.run(context.sql.enable_endpoint, id=webhook_id, after=context.load_last_change(tx)))


def check_enabled(webhook: Webhook) -> None:
    """Raises `Conflict` if the webhook is disabled."""
    if webhook.disabled_at is not None:
        raise Conflict("webhook_off", **OFF)


def find_all(context: Context, tx: Transaction) -> list[Webhook]:
    """Returns the webhooks of the operator and of all events in the order of creation."""
    return [Webhook.of(row) for row in tx.all(context.sql.list_endpoints)]


def export(user_id: str, context: Context, tx: Transaction) -> list[Webhook]:
    """Returns the webhooks that a user has created, for the user's export."""
    return [Webhook.of(row) for row in tx.all(context.sql.list_endpoints_made_by, user_id=user_id)]


def merge(gone_id: str, stays_id: str, context: Context, tx: Transaction) -> None:
    """Keeps the webhooks of a user who is merged. They wait until the user who stays is a host of their event."""
    tx.run(context.sql.reassign_endpoints, gone_id=gone_id, stays_id=stays_id)


def find_deliveries(
    context: Context, tx: Transaction, webhook_id: str, limit: int, before: int | None = None
) -> WebhookDeliveries:
    """Returns a page of a webhook's log, newest first."""
    rows = tx.all(
        context.sql.list_deliveries,
        webhook_id=webhook_id,
        before=_MAX_NUMBER if before is None else before,
        most=limit + 1,
    )
    more = encode_cursor(rows[limit - 1]["number"]) if len(rows) > limit else None
    found = [_delivery(row) for row in rows[:limit]]
    return WebhookDeliveries(deliveries=found, next=more, as_of=context.load_last_change(tx))


def replay(context: Context, tx: Transaction, delivery_id: str, webhook_id: str | None = None) -> WebhookDelivery:
    """Makes a delivery due now, resets its attempts, and returns it; with `webhook_id`, only one of that webhook.

    Raises `NotFound`, and `Conflict` if the webhook is disabled.
    """
    row = tx.one(context.sql.replay, id=delivery_id, webhook_id=webhook_id, now=tx.now)
    if row is None:
        raise NotFound()
    check_enabled(load(context, tx, row["webhook_id"]))
    return _delivery(row)


def replay_since(context: Context, tx: Transaction, since: str, webhook_id: str | None, *, failed_only: bool) -> int:
    """Makes the deliveries since a time due now, and returns their number.

    With `webhook_id`, only those of that webhook; with `failed_only`, only those that failed.
    """
    return tx.run(
        context.sql.replay_since, since=since, webhook_id=webhook_id, failed_only=int(failed_only), now=tx.now
    )


def _delivery(row: Any) -> WebhookDelivery:
    return WebhookDelivery(**{name: row[name] for name in WebhookDelivery.__struct_fields__})
