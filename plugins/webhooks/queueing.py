"""Queues messages for changes, and deletes old ones."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import uuid4

from eventorg.plugin import Context, EventDeleted, EventUpdated, Fact, Transaction, UserDeleted, rfc3339

from .messages import make_body
from .webhooks import matches

_MAX_SWEEP: Final = 1_000
_ALWAYS: Final = EventUpdated | EventDeleted | UserDeleted
"""Facts that need cleaning up even if no webhook wants them."""


def select(facts: Sequence[Fact], context: Context, tx: Transaction) -> Sequence[Fact]:
    """Returns the facts to handle. A webhook that is created later does not receive them."""
    if tx.one(context.sql.has_open_endpoints) is not None:
        return facts
    return [fact for fact in facts if isinstance(fact, _ALWAYS)]


async def enqueue(fact: Fact, context: Context) -> bool:
    """Queues a message for each webhook that wants a fact, and returns true if there is one.

    Calling it again for the same fact adds nothing.
    """
    receivers = await context.read(partial(_find_receivers, context, fact))
    if not receivers and not isinstance(fact, _ALWAYS):
        return False  # as for most facts: nothing to write
    return await context.write(partial(_enqueue, context, fact))


def _find_receivers(context: Context, fact: Fact, tx: Transaction) -> list[str]:
    rows = tx.all(context.sql.list_receivers, event_id=fact.event_id, seq=fact.seq)
    return [row["id"] for row in rows if matches(row["types"], fact.type)]


def _enqueue(context: Context, fact: Fact, tx: Transaction) -> bool:
    sql = context.sql
    if isinstance(fact, UserDeleted):
        tx.run(sql.remove_endpoints_of_creator, user_id=fact.user_id)
    if isinstance(fact, EventUpdated) and fact.user_id is not None:
        tx.run(sql.remove_endpoints_of_former_host, event_id=fact.event_id, user_id=fact.user_id)
    receivers = _find_receivers(context, fact, tx)
    if receivers:
        event = tx.one(sql.get_event_state, event_id=fact.event_id) if fact.event_id else None
        body = make_body(fact, dict(event) if event else None)
        for webhook_id in receivers:
            tx.run(
                sql.enqueue,
                id=str(uuid4()),
                webhook_id=webhook_id,
                seq=fact.seq,
                type=fact.type,
                event_id=fact.event_id,
                body=body,
                now=tx.now,
            )
    if isinstance(fact, EventDeleted):
        tx.run(sql.end_endpoints, event_id=fact.event_id, now=tx.now)
    return bool(receivers)


async def forget(context: Context) -> None:
    """Deletes old finished messages in small steps, and webhooks whose event has been deleted."""
    before = rfc3339(context.clock() - timedelta(days=context.settings.log_days))
    while (
        await context.write(lambda tx: tx.run(context.sql.forget_deliveries, before=before, most=_MAX_SWEEP))
        == _MAX_SWEEP
    ):
        pass
    await context.write(lambda tx: tx.run(context.sql.remove_ended))
