"""Counts results, and keeps the plugin's rows right when users and events go."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from msgspec import Struct

from eventorg.plugin import Context, EventDeleted, Id, Transaction, rfc3339

from .broadcasts import Broadcast
from .repository import with_counts
from .sending import Row

_MAX_ROWS: Final = 500
_DAY: Final = timedelta(days=1)


async def settle(context: Context) -> None:
    """Adds results to the counts of broadcasts, and takes stopped messages out of the outbox.

    The outbox forgets messages after some days, and the counts stay.
    """
    day_ago, after = rfc3339(context.clock() - _DAY), ""
    while rows := await _list_settled(context, day_ago, after):
        await _settle_all(context, rows)
        after = rows[-1]["delivery_id"]


async def _list_settled(context: Context, day_ago: str, after: str) -> list[Row]:
    found = await context.read(
        lambda tx: tx.all(context.sql.list_settled, day_ago=day_ago, after=after, most=_MAX_ROWS)
    )
    return [dict(row) for row in found]


async def _settle_all(context: Context, rows: Sequence[Row]) -> None:
    await context.write(lambda tx: _settle(context, tx, rows))


def _settle(context: Context, tx: Transaction, rows: Sequence[Row]) -> None:
    results: Counter[tuple[int, str]] = Counter()
    for row in rows:
        delivery_id, state = row["delivery_id"], row["state"]
        if state == "blocked":
            tx.run(context.sql.mark_unreachable, delivery_id=delivery_id)
            continue
        if state in ("waiting", "retry"):
            key = row["dedupe_key"].removeprefix("broadcasts:")
            if not context.cancel_notices(tx, [key]):
                continue  # it has been leased
        if tx.run(context.sql.delete_recipient, delivery_id=delivery_id) and state in ("sent", "failed"):
            results[row["message"], state] += 1
    for number in {number for number, _ in results}:
        tx.run(
            context.sql.add_results,
            number=number,
            sent=results[number, "sent"],
            failed=results[number, "failed"],
        )


async def delete_broadcasts(fact: EventDeleted, context: Context) -> None:
    """Deletes the broadcasts of a deleted event, in steps."""
    event_id = fact.event_id

    def delete_recipients(tx: Transaction) -> int:
        return tx.run(context.sql.delete_recipients_of_event, event_id=event_id, most=_MAX_ROWS)

    while await context.write(delete_recipients) == _MAX_ROWS:
        pass
    await context.write(lambda tx: tx.run(context.sql.delete_messages_of_event, event_id=event_id))


def move(gone_id: str, stays_id: str, context: Context, tx: Transaction) -> None:
    """Moves the broadcasts of a user who is merged into another one, and what the user has received."""
    ids = {"gone_id": gone_id, "stays_id": stays_id}
    tx.run(context.sql.reassign_messages, **ids)
    tx.run(context.sql.drop_unreachable, **ids)
    tx.run(context.sql.reassign_recipients, **ids)


class Received(Struct, frozen=True):
    """A broadcast to a user whose result is not counted yet, or whom it did not reach."""

    broadcast_id: Id
    event_id: Id
    delivery_id: Id


class UserData(Struct, frozen=True):
    """The broadcasts that a user has written, and those that wait for the user or did not reach the user. The export of
    the core has the messages."""

    written: list[Broadcast]
    received: list[Received]


def export(user_id: str, context: Context, tx: Transaction) -> UserData:
    """Returns all data about a user."""
    written = [with_counts(context, tx, row) for row in tx.all(context.sql.list_messages_by, user_id=user_id)]
    return UserData(written, [Received(**row) for row in tx.all(context.sql.list_received, user_id=user_id)])
