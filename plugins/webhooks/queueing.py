"""Queues messages for changes, and deletes old ones."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from operator import itemgetter
from typing import Any, Final
from uuid import uuid4

import msgspec
from msgspec import Struct, structs

from eventorg.plugin import (
    FACTS,
    ChangeData,
    Context,
    EventDeleted,
    EventUpdated,
    Fact,
    Statement,
    Transaction,
    UserDeleted,
    rfc3339,
)

from .messages import make_body
from .webhooks import matches

_MAX_SWEEP: Final = 1_000
_MAX_JOINED: Final = 100
_MAX_WAIT: Final = timedelta(minutes=1)
"""A message about changed fields is replaced by a newer one for this long. Then it keeps its place in the queue."""
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


def _find_receivers(context: Context, fact: Fact, tx: Transaction) -> list[Any]:
    rows = tx.all(context.sql.list_receivers, event_id=fact.event_id, seq=fact.seq)
    if fact.audience == "user" and fact.type not in FACTS:  # a plugin's fact that only the user may know
        rows = [row for row in rows if row["is_operators"]]
    return [row for row in rows if matches(row["types"], fact.type)]


def _enqueue(context: Context, fact: Fact, tx: Transaction) -> bool:
    sql = context.sql
    if isinstance(fact, UserDeleted):
        tx.run(sql.remove_endpoints_of_creator, user_id=fact.user_id)
    if isinstance(fact, EventUpdated) and fact.user_id is not None:
        tx.run(sql.remove_endpoints_of_former_host, event_id=fact.event_id, user_id=fact.user_id)
    receivers = _find_receivers(context, fact, tx)
    if receivers:
        event = tx.one(sql.get_event_state, event_id=fact.event_id) if fact.event_id else None
        message = _Message(fact, dict(event) if event else None)
        hosts, operators = _join_edits(context, message, tx) if _is_edit(fact) else (message, message)
        for receiver in receivers:
            _add(context, receiver["id"], operators if receiver["is_operators"] else hosts, tx)
        if fact.event_id and event is None:
            tx.run(sql.note_deleted_event, event_id=fact.event_id)
    if isinstance(fact, EventDeleted):
        tx.run(sql.end_endpoints, event_id=fact.event_id, now=tx.now)
        tx.run(sql.note_deleted_event, event_id=fact.event_id)
    return bool(receivers)


class _Message(Struct, frozen=True):
    """A message to queue. One about changed fields covers the changes from `from_seq` up to the fact."""

    fact: Fact
    event: dict[str, Any] | None
    from_seq: int | None = None


def _is_edit(fact: Fact) -> bool:
    """Returns true for a change of an event's fields. A change of somebody's role has a user."""
    return isinstance(fact, EventUpdated) and fact.user_id is None


def _join_edits(context: Context, message: _Message, tx: Transaction) -> tuple[_Message, _Message]:
    """Returns the messages for an edit and those that follow it, for hosts and for the operator.

    Each ends before the next change that the receiver hears of between two edits, so that all messages stay in order.
    Any fact of a plugin counts as one: the view does not tell the event of all of them.
    """
    edit = message.fact
    behind = tx.all(context.sql.list_changes_behind, seq=edit.seq, most=_MAX_JOINED)
    own = [row for row in behind if row["event_id"] == edit.event_id or row["type"] not in FACTS]
    hosts, operators = (_Message(_follow(edit, rows), message.event, edit.seq) for rows in (own, behind))
    return hosts, operators


def _follow(edit: Fact, rows: list[Any]) -> Fact:
    """Returns the last of the edits at the beginning of some changes, with what all of them changed."""
    for row in rows:
        if (row["type"], row["event_id"], row["user_id"]) != (edit.type, edit.event_id, None):
            break
        data = msgspec.json.decode(row["data"]) if row["data"] else None
        edit = structs.replace(edit, seq=row["seq"], at=row["at"], data=_join(edit.data, data))
    return edit


def _join(first: ChangeData | None, second: ChangeData | None) -> ChangeData | None:
    """Returns the names of the fields that two edits changed; null if one of them does not say so."""
    if first is None or second is None:
        return None
    return {"changed": list(dict.fromkeys([*first["changed"], *second["changed"]]))}


def _add(context: Context, webhook_id: str, message: _Message, tx: Transaction) -> None:
    """Queues a message. One about changed fields replaces those that wait, so that many edits are told once."""
    fact, from_seq, created_at = message.fact, message.from_seq, tx.now
    if from_seq is not None:
        since = rfc3339(context.clock() - _MAX_WAIT)
        waiting = tx.all(
            context.sql.take_replaceable, webhook_id=webhook_id, event_id=fact.event_id, since=since, now=tx.now
        )
        for older in sorted(waiting, key=itemgetter("from_seq"), reverse=True):
            from_seq, created_at = older["from_seq"], older["created_at"]
            before = msgspec.json.decode(older["body"])["data"]["data"]
            fact = structs.replace(fact, data=_join(before, fact.data))
    tx.run(
        context.sql.enqueue,
        id=str(uuid4()),
        webhook_id=webhook_id,
        seq=fact.seq,
        from_seq=from_seq,
        type=fact.type,
        event_id=fact.event_id,
        body=make_body(fact, message.event),
        created_at=created_at,
        now=tx.now,
    )


async def forget(context: Context) -> None:
    """Deletes finished messages that are old or whose event has been deleted, in small steps, and webhooks whose event
    has been deleted."""
    before = rfc3339(context.clock() - timedelta(days=context.settings.log_days))
    await _run_in_steps(context, context.sql.forget_deliveries, before=before)
    after = ""
    while found := await context.read(
        partial(Transaction.all, statement=context.sql.list_deleted_events, after=after, most=_MAX_SWEEP)
    ):
        for row in found:
            after = row["event_id"]
            await _run_in_steps(context, context.sql.forget_deliveries_of_event, event_id=after)
            await context.write(partial(Transaction.run, statement=context.sql.forget_deleted_event, event_id=after))
    await context.write(lambda tx: tx.run(context.sql.remove_ended))


async def _run_in_steps(context: Context, statement: Statement, **parameters: str) -> None:
    """Runs a statement with a limit until nothing is left to delete."""
    while await context.write(lambda tx: tx.run(statement, most=_MAX_SWEEP, **parameters)) == _MAX_SWEEP:
        pass
