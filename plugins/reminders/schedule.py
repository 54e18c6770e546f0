"""Makes messages: reminders at their times, other messages when something happens."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from eventorg.plugin import (
    Context,
    EventCancelled,
    EventCreated,
    EventUpdated,
    Fact,
    RegistrationPromoted,
    Transaction,
    rfc3339,
)

from .notices import texts_of
from .offsets import DEFAULT_OFFSETS, dump, duration

GRACE: Final = timedelta(minutes=10)
"""A reminder is sent until the event starts, or until this long after its time, whichever is later."""

_MAX_SCAN: Final = 1_000
_MAX_WRITE: Final = 200
_MAX_SWEEP: Final = 500
_KEPT: Final = timedelta(days=30)
_NEWS: Final = RegistrationPromoted | EventCancelled | EventCreated | EventUpdated

Row = Mapping[str, Any]


async def remind(context: Context) -> None:
    """Makes a message for each reminder that is due.

    Of several late reminders of a user and event, only the one nearest to the start is made.
    """
    while due := await _find_due(context):
        await _in_steps(context, due, lambda tx, row: _remind(context, tx, row))
        if len(due) < _MAX_SCAN:
            break


async def _find_due(context: Context) -> list[Row]:
    now = context.clock()
    default = dump(DEFAULT_OFFSETS)

    def work(tx: Transaction) -> list[Row]:
        longest = tx.row(context.sql.get_longest_offset, usual=default)
        rows = tx.all(
            context.sql.list_due,
            now=rfc3339(now),
            grace=rfc3339(now - GRACE),
            horizon=rfc3339(now + timedelta(seconds=longest["seconds"])),
            usual=default,
            mail=context.sends_mail,
            most=_MAX_SCAN,
        )
        return [dict(row) for row in rows]

    return await context.read(work)


def _remind(context: Context, tx: Transaction, row: Row) -> None:
    event_id, user_id, start_time, due_at = row["event_id"], row["user_id"], row["start_time"], row["latest"]
    made = tx.run(context.sql.remember_made, event_id=event_id, user_id=user_id, start_time=start_time, due_at=due_at)
    if not made:
        return
    due = datetime.fromisoformat(due_at)
    before = datetime.fromisoformat(start_time) - due
    context.notify(
        tx,
        user_id,
        kind="reminder",
        dedupe_key=f"reminder:{event_id}:{user_id}:{duration(int(before.total_seconds()))}:{start_time}",
        texts=texts_of("reminder", row),
        due_at=due_at,
        event_id=event_id,
        expires_at=min(row["end_time"], max(start_time, rfc3339(due + GRACE))),
    )


def select(facts: Sequence[Fact], context: Context, tx: Transaction) -> list[Fact]:
    """Returns the facts that users are told of."""
    return [fact for fact in facts if isinstance(fact, _NEWS)]


async def on_fact(fact: Fact, context: Context) -> None:
    """Makes the messages for a fact. Need not delete obsolete messages: they are never told."""
    match fact:
        case RegistrationPromoted(event_id=str(event_id), user_id=str(user_id)):
            await _announce(context, fact, "promoted", event_id, user_id)
        case EventCancelled(event_id=str(event_id)):
            await _announce(context, fact, "cancelled", event_id)
        case EventCreated(event_id=str(event_id)) | EventUpdated(event_id=str(event_id)):
            await _announce_move(context, fact, event_id)


async def _announce_move(context: Context, fact: Fact, event_id: str) -> None:
    """Announces a new time or place to the participants, if it differs from the last announcement."""
    move = await context.read(lambda tx: tx.one(context.sql.get_move, event_id=event_id))
    if move is None or not move["moved"]:
        return
    if not move["is_new"]:
        await _announce(context, fact, "changed", event_id)
    await context.write(lambda tx: tx.run(context.sql.remember_told, event_id=event_id))


async def _announce(context: Context, fact: Fact, kind: str, event_id: str, only_user_id: str | None = None) -> None:
    """Makes a message for each participant, or for one of them. It replaces an older one that waits."""
    rows = await context.read(
        lambda tx: tx.all(context.sql.list_participants, event_id=event_id, mail=context.sends_mail)
    )
    told = [dict(row) for row in rows if only_user_id in (None, row["user_id"])]

    def notify(tx: Transaction, row: Row) -> None:
        context.notify(
            tx,
            row["user_id"],
            kind=kind,
            dedupe_key=f"{kind}:{event_id}:{row['user_id']}:{fact.seq}",
            texts=texts_of(kind, row),
            event_id=event_id,
            replace=True,
        )

    await _in_steps(context, told, notify)


async def _in_steps(context: Context, rows: Sequence[Row], act: Callable[[Transaction, Row], None]) -> None:
    """Calls a function for each row, a limited number in each transaction."""
    for start in range(0, len(rows), _MAX_WRITE):
        step = rows[start : start + _MAX_WRITE]

        def work(tx: Transaction, step: Sequence[Row] = step) -> None:
            for row in step:
                act(tx, row)

        await context.write(work)


async def sweep(context: Context) -> None:
    """Forgets which reminders were made for events that started long ago, in small steps."""
    before = rfc3339(context.clock() - _KEPT)
    while await context.write(lambda tx: tx.run(context.sql.forget_made, before=before, most=_MAX_SWEEP)) == _MAX_SWEEP:
        pass
