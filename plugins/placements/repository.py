"""Stores placements. Each function is one use case and one transaction."""

from collections.abc import Sequence
from typing import Annotated
from uuid import uuid4

from msgspec import UNSET, Meta, Struct, structs

from eventorg.plugin import (
    ABSENT,
    Caller,
    Conflict,
    Context,
    Event,
    EventUpdated,
    Fact,
    NotFound,
    Transaction,
    check_host,
    check_version,
    decode_cursor,
    encode_cursor,
)

from .placements import MAX_OF_EVENT, NOT_FOUND, TOO_MANY, ChatEvents, NewPlacement, Placement, Placements

_Number = Annotated[int, Meta(ge=0, le=2**62)]


def bot_of(caller: Caller) -> str:
    """Returns the key of the caller's placements. The names of bots are unique regardless of case."""
    return (caller.bot or "").casefold()


async def put(
    context: Context, event_id: str, new: NewPlacement, language: str, expected: frozenset[str] | None, caller: Caller
) -> tuple[Placement, bool]:
    """Creates or moves a placement, and returns it, with true if it is new.

    Raises `NotFound` (no event that the bot may read, or that its user may see), `Forbidden` (the event can be read
    only by those who take part, and the user is not a host), `VersionMismatch`, and `Conflict` (`too_many_placements`).
    """

    def work(tx: Transaction) -> tuple[Placement, bool]:
        event, host_id = _find_event(context, tx, event_id, caller)
        place = {"bot": bot_of(caller), "chat_id": str(new.chat_id or ""), "message_id": str(new.message_id)}
        values = {
            "thread_id": None if new.thread_id is None else str(new.thread_id),
            "event_id": event.id,
            "host_id": host_id,
            "locale": new.locale or language,
            "names": new.names,
            "now": tx.now,
        }
        row = tx.one(context.sql.get_placed, **place)
        check_version(ABSENT if row is None else Placement.of(row).tag, expected)
        if row is None or row["event_id"] != event.id:
            _check_number(context, tx, event.id, place["bot"])
        if row is None:
            tx.run(context.sql.add_placement, id=str(uuid4()), **place, **values)
        else:
            tx.run(context.sql.update_placement, id=row["id"], **values)
        return Placement.of(tx.row(context.sql.get_placed, **place)), row is None

    return await context.write(work)


async def find(context: Context, event_id: str, limit: int, cursor: str | None, caller: Caller) -> Placements:
    """Returns a page of the bot's placements of an event. Raises `NotFound`, and `Invalid` for an invalid cursor."""
    after = decode_cursor(cursor, _Number) or 0

    def work(tx: Transaction) -> Placements:
        event, _ = context.load_event(tx, event_id, caller.user_id)
        rows = tx.all(context.sql.list_placements, event_id=event.id, bot=bot_of(caller), after=after, most=limit + 1)
        return Placements(
            placements=[Placement.of(row) for row in rows[:limit]],
            next=encode_cursor(rows[limit - 1]["seq"]) if len(rows) > limit else None,
            as_of=context.load_last_change(tx),
        )

    return await context.read(work)


async def delete(context: Context, placement_id: str, expected: frozenset[str] | None, caller: Caller) -> None:
    """Forgets a placement. Raises `NotFound` (`placement_not_found`) and `VersionMismatch`."""

    def work(tx: Transaction) -> None:
        row = tx.one(context.sql.get_placement, id=placement_id, bot=bot_of(caller))
        if row is None:
            raise NotFound("placement_not_found", **NOT_FOUND)
        check_version(Placement.of(row).tag, expected)
        tx.run(context.sql.delete_placement, id=placement_id)

    await context.write(work)


async def find_events(
    context: Context, chat_id: str, start_from: str, limit: int, cursor: str | None, caller: Caller
) -> ChatEvents:
    """Returns a page of the events whose cards the bot has in a chat. Raises `Invalid` for an invalid cursor."""
    after_time, after_id = decode_cursor(cursor, tuple[str, str]) or ("", "")

    def work(tx: Transaction) -> ChatEvents:
        rows = tx.all(
            context.sql.list_chat_events,
            bot=bot_of(caller),
            chat_id=chat_id,
            start_from=start_from,
            after_time=after_time,
            after_id=after_id,
            most=limit + 1,
        )
        last = rows[limit - 1] if len(rows) > limit else None
        return ChatEvents(
            events=[_load_seen(context, tx, row["id"], row["host_id"], caller) for row in rows[:limit]],
            next=encode_cursor((last["start_time"], last["id"])) if last else None,
            as_of=context.load_last_change(tx),
        )

    return await context.read(work)


class KeptPlacement(Struct, frozen=True, kw_only=True):
    """A placement that a bot made for the user."""

    bot: str
    placement: Placement


def export(user_id: str, context: Context, tx: Transaction) -> list[KeptPlacement]:
    """Returns the placements that bots made for a user."""
    rows = tx.all(context.sql.list_placements_for, user_id=user_id)
    return [KeptPlacement(bot=row["bot"], placement=Placement.of(row)) for row in rows]


def merge(gone_id: str, stays_id: str, context: Context, tx: Transaction) -> None:
    """Passes the placements on with the role."""
    tx.run(context.sql.move_placements, gone_id=gone_id, stays_id=stays_id, now=tx.now)


def select(facts: Sequence[Fact], context: Context, tx: Transaction) -> list[Fact]:
    """Returns the facts about the role of a user."""
    return [fact for fact in facts if isinstance(fact, EventUpdated) and fact.user_id is not None]


async def forget_former_host(fact: EventUpdated, context: Context) -> None:
    """Deletes the placements that were made for a host who is not a host any more."""
    await context.write(lambda tx: tx.run(context.sql.delete_ended, event_id=fact.event_id, host_id=fact.user_id))


def _find_event(context: Context, tx: Transaction, event_id: str, caller: Caller) -> tuple[Event, str | None]:
    """Returns the event, and the host for whom the placement is. None: the bot may read the event by itself."""
    event, role = context.load_event(tx, event_id, caller.user_id)
    if role in ("organizer", "host"):
        return event, caller.user_id
    if event.visibility == "private" or event.status == "draft":
        check_host(role)
    return event, None


def _check_number(context: Context, tx: Transaction, event_id: str, bot: str) -> None:
    if tx.one(context.sql.find_placement_after, event_id=event_id, bot=bot, number=MAX_OF_EVENT - 1):
        raise Conflict("too_many_placements", **TOO_MANY)


def _load_seen(context: Context, tx: Transaction, event_id: str, host_id: str | None, caller: Caller) -> Event:
    """Returns an event as the caller sees it. If only the host may see it, it has nothing of the host's own."""
    try:
        return context.load_event(tx, event_id, caller.user_id)[0]
    except NotFound:
        event, _ = context.load_event(tx, event_id, host_id)
        return structs.replace(event, role=None, metadata=UNSET)
