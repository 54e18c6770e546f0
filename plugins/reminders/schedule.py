"""Makes the reminders that are due."""

from datetime import datetime, timedelta
from typing import Final

from eventorg.plugin import Context, Statement, Transaction, rfc3339

from .offsets import DEFAULT_OFFSETS, dump, duration
from .steps import Row, in_steps
from .texts import texts_of

GRACE: Final = timedelta(minutes=10)
"""A reminder is sent until the event starts, or until this long after its time, whichever is later."""

_MAX_SCAN: Final = 1_000
_MAX_SWEEP: Final = 500
_KEPT: Final = timedelta(days=30)


async def remind(context: Context) -> None:
    """Makes a message for each reminder that is due.

    Of several late reminders of a user and event, only the one nearest to the start is made.
    """
    while due := await _find_due(context):
        await in_steps(context, due, lambda tx, row: _remind(context, tx, row))
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


async def sweep(context: Context) -> None:
    """Forgets the reminders and the deletions of events that are long over, in small steps."""
    before = rfc3339(context.clock() - _KEPT)
    for statement in (context.sql.forget_made, context.sql.forget_deleted):

        def work(tx: Transaction, statement: Statement = statement) -> int:
            return tx.run(statement, before=before, most=_MAX_SWEEP)

        while await context.write(work) == _MAX_SWEEP:
            pass
