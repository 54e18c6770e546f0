"""The broadcasts of an event, as its hosts use them. Each method is one use case and one transaction."""

import sqlite3
from datetime import datetime, timedelta
from typing import Annotated, Final
from uuid import uuid4

from msgspec import Meta

from eventorg.plugin import (
    Caller,
    Context,
    Event,
    NotFound,
    TooMany,
    Transaction,
    check_host,
    check_version,
    decode_cursor,
    encode_cursor,
)

from .broadcasts import Broadcast, Broadcasts, NewBroadcast, broadcast_of, version_of
from .sending import begin

MAX_A_DAY: Final = 20
NOT_FOUND: Final = {
    "ru": "У этого мероприятия нет такой рассылки.",
    "en": "The event has no such broadcast.",
}
TOO_MANY: Final = {
    "ru": f"У мероприятия уже {MAX_A_DAY} рассылок за последние 24 часа.",
    "en": f"The event already has {MAX_A_DAY} broadcasts within 24 hours.",
}
_DAY: Final = timedelta(days=1)
_MAX_NUMBER: Final = 2**62
_Number = Annotated[int, Meta(ge=0, le=_MAX_NUMBER)]


class HostsBroadcasts:
    """The broadcasts of an event, for its hosts.

    Each method raises `NotFound` for an event or broadcast that the caller may not see, and `Forbidden` if the caller
    is not a host.
    """

    def __init__(self, context: Context, event_id: str, caller: Caller) -> None:
        self._context = context
        self._sql = context.sql
        self._event_id = event_id
        self._caller = caller

    async def create(self, new: NewBroadcast) -> Broadcast:
        """Creates a broadcast, begins to send it if it is due, and returns it. Raises `TooMany`."""

        def work(tx: Transaction) -> Broadcast:
            event = self._load_event(tx)
            self._check_rate(tx, event)
            message_id = str(uuid4())
            send_at = max(new.send_at or tx.now, tx.now)
            tx.run(
                self._sql.create_message,
                id=message_id,
                event_id=event.id,
                text=new.text,
                audience=" ".join(new.to),
                send_at=send_at,
                user_id=self._caller.user_id,
                now=tx.now,
            )
            if send_at == tx.now:
                begin(self._context, tx, tx.row(self._sql.get_message, event_id=event.id, id=message_id))
            return self._load(tx, event, message_id)

        return await self._context.write_once(self._caller, Broadcast, work, may_see=lambda tx, _: self._load_event(tx))

    async def find(self, limit: int, cursor: str | None) -> Broadcasts:
        """Returns a page of the broadcasts, newest first. Raises `Invalid` for an invalid cursor."""
        before = decode_cursor(cursor, _Number)

        def work(tx: Transaction) -> Broadcasts:
            event = self._load_event(tx)
            rows = tx.all(
                self._sql.list_messages,
                event_id=event.id,
                before=_MAX_NUMBER if before is None else before,
                most=limit + 1,
            )
            return Broadcasts(
                broadcasts=[with_counts(self._context, tx, row) for row in rows[:limit]],
                next=encode_cursor(rows[limit - 1]["number"]) if len(rows) > limit else None,
                as_of=self._context.load_last_change(tx),
            )

        return await self._context.read(work)

    async def get(self, broadcast_id: str) -> Broadcast:
        """Returns a broadcast."""
        return await self._context.read(lambda tx: self._load(tx, self._load_event(tx), broadcast_id))

    async def cancel(self, broadcast_id: str, expected: frozenset[str] | None) -> Broadcast:
        """Stops a broadcast and returns it. Nobody gets a message that waits. Raises `VersionMismatch`."""

        def work(tx: Transaction) -> Broadcast:
            event = self._load_event(tx)
            check_version(version_of(self._load(tx, event, broadcast_id)), expected)
            tx.run(self._sql.cancel_message, id=broadcast_id, now=tx.now)
            return self._load(tx, event, broadcast_id)

        return await self._context.write(work)

    def _load_event(self, tx: Transaction) -> Event:
        event, role = self._context.load_event(tx, self._event_id, self._caller.user_id)
        check_host(role)
        return event

    def _load(self, tx: Transaction, event: Event, broadcast_id: str) -> Broadcast:
        row = tx.one(self._sql.get_message, event_id=event.id, id=broadcast_id)
        if row is None:
            raise NotFound("broadcast_not_found", **NOT_FOUND)
        return with_counts(self._context, tx, row)

    def _check_rate(self, tx: Transaction, event: Event) -> None:
        row = tx.one(self._sql.get_earlier, event_id=event.id, earlier=MAX_A_DAY - 1)
        if row is None:
            return
        wait = datetime.fromisoformat(row["created_at"]) + _DAY - datetime.fromisoformat(tx.now)
        if wait > timedelta(0):
            raise TooMany("too_many_broadcasts", retry_after=int(wait.total_seconds()), **TOO_MANY)


def with_counts(context: Context, tx: Transaction, row: sqlite3.Row) -> Broadcast:
    """Returns a broadcast with the states of its recipients as of now."""
    states = tx.all(context.sql.count_states, number=row["number"])
    return broadcast_of(dict(row), {each["state"]: each["people"] for each in states})
