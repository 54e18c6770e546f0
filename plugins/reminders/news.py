"""Tells users what happened to their events and registrations.

What is changed within a short while is told once, as the difference to what was told last.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from eventorg.plugin import (
    Context,
    DomainError,
    EventCancelled,
    EventCreated,
    EventDeleted,
    EventUpdated,
    Fact,
    RegistrationCancelled,
    RegistrationPromoted,
    RegistrationUpdated,
    Transaction,
    rfc3339,
)

from .steps import in_steps
from .texts import BY_HOST, texts_of

QUIET: Final = timedelta(seconds=5)
"""The time from the last change of an event until its participants are told."""
LATEST: Final = timedelta(seconds=60)
"""The longest time from the first change until they are told."""

_POLL_SECONDS: Final = 0.5
_MAX_NEWS: Final = 100
_MOVES: Final = ("start_time", "end_time", "location")
NEWS: Final = (
    EventCancelled,
    EventCreated,
    EventDeleted,
    EventUpdated,
    RegistrationCancelled,
    RegistrationPromoted,
    RegistrationUpdated,
)

Row = Mapping[str, Any]


def select(facts: Sequence[Fact], context: Context, tx: Transaction) -> list[Fact]:
    """Returns the facts that users are told of."""
    return [fact for fact in facts if _is_told(fact, context, tx)]


def _is_told(fact: Fact, context: Context, tx: Transaction) -> bool:
    match fact:
        case RegistrationCancelled():
            return tx.one(context.sql.is_removal, seq=fact.seq) is not None
        case RegistrationUpdated():  # perhaps an approval for which there is no seat
            return _is_by_host(fact) and (fact.data or {}).get("status") == "waitlisted"
    return True


def _is_by_host(fact: Fact) -> bool:
    return (fact.data or {}).get("by") in ("host", "operator")


async def on_fact(fact: Fact, context: Context) -> None:
    """Makes the messages for a fact. Need not delete obsolete messages: they are never told."""
    match fact:
        case RegistrationPromoted(event_id=str(event_id), user_id=str(user_id)):
            await _tell_one(context, fact, "promoted", event_id, user_id, BY_HOST if _is_by_host(fact) else "")
        case RegistrationUpdated(event_id=str(event_id), user_id=str(user_id)):
            await _tell_approved(context, event_id, user_id)
        case RegistrationCancelled(event_id=str(event_id), user_id=str(user_id)):
            await _tell_one(context, fact, "removed", event_id, user_id)
        case EventDeleted(event_id=str(event_id)):
            rows = await context.read(
                lambda tx: tx.all(
                    context.sql.list_audience_of_deleted, event_id=event_id, seq=fact.seq, mail=context.sends_mail
                )
            )
            await _tell(context, "deleted", event_id, fact.seq, [dict(row) for row in rows])
        case EventUpdated(event_id=str(event_id), user_id=str(user_id)):
            await _tell_host(context, fact, event_id, user_id)
        case EventCreated(event_id=str(copy_id), data={"copied_from": str(event_id)}):
            await context.write(lambda tx: tx.run(context.sql.copy_event_offsets, event_id=event_id, copy_id=copy_id))
            await _schedule(context, fact)
        case EventCreated() | EventUpdated() | EventCancelled():
            await _schedule(context, fact)


@asynccontextmanager
async def announcing(context: Context) -> AsyncIterator[None]:
    """Announces news when they are due, until the block ends."""

    async def announce_forever() -> None:
        while True:
            try:
                await announce_due(context)
            except DomainError as error:  # for example a full disk
                context.log.warning("news_postponed", reason=error.code)
            await asyncio.sleep(_POLL_SECONDS)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(announce_forever())
        yield
        task.cancel()


async def announce_due(context: Context) -> None:
    """Tells participants, and people who answered "maybe", how their events differ from what they were last told."""
    now = rfc3339(context.clock())
    for row in await context.read(lambda tx: tx.all(context.sql.list_due_news, now=now, most=_MAX_NEWS)):
        await _announce(context, dict(row))


async def _announce(context: Context, news: Row) -> None:
    event_id, seq = news["event_id"], news["seq"]
    if kind := _kind(news):
        rows = await context.read(
            lambda tx: tx.all(context.sql.list_interested, event_id=event_id, mail=context.sends_mail)
        )
        await _tell(context, kind, event_id, seq, [dict(row) for row in rows])
    told = {name: news[name] for name in ("title", "start_time", "end_time", "location", "timezone", "status")}

    def finish(tx: Transaction) -> None:
        tx.run(context.sql.remember_told, event_id=event_id, **told)
        tx.run(context.sql.finish_news, event_id=event_id, seq=seq)
        tx.run(context.sql.forget_moves, event_id=event_id)  # if the event has changed since

    await context.write(finish)


def _kind(news: Row) -> str | None:
    """Returns what there is to tell, or None."""
    before, now = news["told_status"], news["status"]
    if now == "cancelled":
        return None if before == "cancelled" else "cancelled"
    if now != "published" or before == "draft":
        return None
    if before == "cancelled":
        return "restored"
    has_moved = news["has_moved"] or any(news[name] != news[f"told_{name}"] for name in _MOVES)
    return "changed" if has_moved else None


async def _schedule(context: Context, fact: Fact) -> None:
    """Has the participants told soon how the event differs from what they know. A new one differs in nothing.

    For a change from before the event was noted, its fact says whether participants were told something else.
    """
    event_id, is_live = fact.event_id, not isinstance(fact, EventUpdated)
    changed = set(fact.data["changed"] if fact.data else ()) if isinstance(fact, EventUpdated) else set()
    due_at = rfc3339(datetime.fromisoformat(fact.at) + QUIET)

    def work(tx: Transaction) -> None:
        noted_seq = context.load_last_change(tx)
        is_new = tx.run(context.sql.begin_telling, event_id=event_id, is_live=is_live, noted_seq=noted_seq)
        is_early = tx.one(context.sql.was_noted_after, event_id=event_id, seq=fact.seq) is not None
        has_moved = is_early and not changed.isdisjoint(_MOVES)
        if not is_new or has_moved or isinstance(fact, EventCancelled):
            tx.run(
                context.sql.schedule_news,
                event_id=event_id,
                seq=fact.seq,
                at=fact.at,
                due_at=due_at,
                latest=int(LATEST.total_seconds()),
                has_moved=has_moved,
                is_published="status" in changed,
            )

    await context.write(work)


async def _tell_host(context: Context, fact: Fact, event_id: str, user_id: str) -> None:
    """Tells a user who was made a host. `refresh` leaves it out if a user's role has ended instead."""
    if await context.read(lambda tx: tx.one(context.sql.is_by_another, seq=fact.seq)):
        await _tell_one(context, fact, "host", event_id, user_id)


async def _tell_approved(context: Context, event_id: str, user_id: str) -> None:
    """Tells somebody who waits for a seat of the approval: once for a registration, because later changes of a host
    look the same."""
    row = await context.read(lambda tx: tx.one(context.sql.get_approved, event_id=event_id, user_id=user_id))
    if row:
        await _tell_one(context, row["seq"], "approved", event_id, user_id)


async def _tell_one(
    context: Context, fact: Fact | int, kind: str, event_id: str, user_id: str, prefix: str = ""
) -> None:
    row = await context.read(
        lambda tx: tx.one(context.sql.get_contact, event_id=event_id, user_id=user_id, mail=context.sends_mail)
    )
    seq = fact.seq if isinstance(fact, Fact) else fact
    await _tell(context, kind, event_id, seq, [dict(row)] if row else [], prefix)


async def _tell(context: Context, kind: str, event_id: str, seq: int, rows: Sequence[Row], prefix: str = "") -> None:
    """Makes a message for each user. It replaces an older one that waits."""

    def notify(tx: Transaction, row: Row) -> None:
        context.notify(
            tx,
            row["user_id"],
            kind=kind,
            dedupe_key=f"{prefix}{kind}:{event_id}:{row['user_id']}:{seq}",
            texts=texts_of(kind, row),
            event_id=event_id,
            replace=True,
        )

    await in_steps(context, rows, notify)
