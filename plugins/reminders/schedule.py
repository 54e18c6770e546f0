"""Creates deliveries: reminders at their times, other messages when something happens."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

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

from .offsets import DEFAULT_OFFSETS, dump, duration
from .outbox import GRACE, Kind, NewDelivery, create_deliveries

_MAX_SCAN: Final = 1_000
_MAX_SWEEP: Final = 500
_NEWS: Final = RegistrationPromoted | EventCancelled | EventCreated | EventUpdated


async def remind(context: Context) -> None:
    """Creates a delivery for each reminder that is due.

    Of several late reminders of a user and event, only the one nearest to the start is created.
    """
    while len(due := await _find_due(context)) > 0:
        await create_deliveries(context, due)
        if len(due) < _MAX_SCAN:
            break


async def _find_due(context: Context) -> list[NewDelivery]:
    now = context.clock()
    default = dump(DEFAULT_OFFSETS)

    def work(tx: Transaction) -> list[NewDelivery]:
        longest = tx.row(context.sql.get_longest_offset, usual=default)
        rows = tx.all(
            context.sql.list_due,
            now=rfc3339(now),
            grace=rfc3339(now - GRACE),
            horizon=rfc3339(now + timedelta(seconds=longest["seconds"])),
            usual=default,
            mail=context.settings.sends_mail,
            most=_MAX_SCAN,
        )
        return [_reminder(row["event_id"], row["user_id"], row["start_time"], row["latest"]) for row in rows]

    return await context.read(work)


def _reminder(event_id: str, user_id: str, start_time: str, due_at: str) -> NewDelivery:
    before = datetime.fromisoformat(start_time) - datetime.fromisoformat(due_at)
    key = f"reminder:{event_id}:{user_id}:{duration(int(before.total_seconds()))}:{start_time}"
    return NewDelivery(key, "reminder", user_id, event_id, start_time, due_at)


def select(facts: Sequence[Fact], context: Context, tx: Transaction) -> list[Fact]:
    """Returns the facts that affect deliveries."""
    rows = tx.all(context.sql.list_changes_by_unreachable, first=facts[0].seq, last=facts[-1].seq)
    by_unreachable = {row["seq"] for row in rows}
    return [fact for fact in facts if isinstance(fact, _NEWS) or fact.seq in by_unreachable]


async def on_fact(fact: Fact, context: Context) -> None:
    """Creates the deliveries for a fact. Need not delete obsolete deliveries: they are never leased."""
    await _mark_reachable(fact, context)
    match fact:
        case RegistrationPromoted(event_id=str(event_id), user_id=str(user_id)):
            await _announce(context, fact, "promoted", event_id, user_id)
        case EventCancelled(event_id=str(event_id)):
            await _announce(context, fact, "cancelled", event_id)
        case EventCreated(event_id=str(event_id)) | EventUpdated(event_id=str(event_id)):
            await _announce_move(context, fact, event_id)


async def _mark_reachable(fact: Fact, context: Context) -> None:
    """Marks the user who made a change as reachable again."""
    row = await context.read(lambda tx: tx.one(context.sql.get_unreachable_actor, seq=fact.seq))
    if row is not None:
        await context.write(lambda tx: tx.run(context.sql.mark_reachable, user_id=row["user_id"]))


async def _announce_move(context: Context, fact: Fact, event_id: str) -> None:
    """Announces a new time or place to the participants, if it differs from the last announcement."""
    move = await context.read(lambda tx: tx.one(context.sql.get_move, event_id=event_id))
    if move is None or not move["moved"]:
        return
    if not move["is_new"]:
        await _announce(context, fact, "changed", event_id)
    await context.write(lambda tx: tx.run(context.sql.remember_told, event_id=event_id))


async def _announce(context: Context, fact: Fact, kind: Kind, event_id: str, only_user_id: str | None = None) -> None:
    """Creates a delivery for each participant, or for one of them."""
    rows = await context.read(
        lambda tx: tx.all(context.sql.list_participants, event_id=event_id, mail=context.settings.sends_mail)
    )
    told = [row for row in rows if only_user_id in (None, row["user_id"])]
    await create_deliveries(
        context,
        [
            NewDelivery(
                f"{kind}:{event_id}:{row['user_id']}:{fact.seq}",
                kind,
                row["user_id"],
                event_id,
                row["start_time"],
                fact.at,
            )
            for row in told
        ],
    )


async def sweep(context: Context) -> None:
    """Deletes the deliveries of events that ended long ago, in small steps."""
    before = rfc3339(context.clock() - timedelta(days=context.settings.kept_days))
    while (
        await context.write(lambda tx: tx.run(context.sql.forget_deliveries, before=before, most=_MAX_SWEEP))
        == _MAX_SWEEP
    ):
        pass
