"""Postpones an event: it moves, and everybody who is coming or waiting becomes a maybe: they agreed to another time.

Who is concerned is a row for each, written with the new time, so that a crash loses nobody. The rows go in steps, from
the end of the queue to its front and then those with seats: so nobody is promoted meanwhile.
"""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Final

from msgspec import Meta, Struct

from eventorg.plugin import (
    Caller,
    Context,
    DomainError,
    Event,
    EventPatch,
    Id,
    Input,
    Transaction,
    check_host,
    moment,
    rfc3339,
)

STEP: Final = 100
"""The largest number of answers that are changed in one transaction."""


class NewTime(Input):
    """The new time of an event."""

    example: ClassVar[dict[str, Any] | None] = {"start_time": "2027-09-22T10:00:00Z"}

    start_time: Annotated[str, moment("The new start.", "2027-09-22T10:00:00Z")]
    end_time: (
        Annotated[str, moment("The new end. Without it, the event stays as long as it was.", "2027-09-22T12:00:00Z")]
        | None
    ) = None


class Postponement(Struct, frozen=True, kw_only=True):
    """A postponed event."""

    event_id: Id
    start_time: Annotated[str, Meta(description="The new start, in UTC.", examples=["2027-09-22T10:00:00Z"])]
    end_time: Annotated[str, Meta(description="The new end, in UTC.", examples=["2027-09-22T12:00:00Z"])]
    asked: Annotated[int, Meta(description="People whose answer becomes `maybe`.", examples=[12])]


async def postpone(context: Context, event_id: str, new: NewTime, caller: Caller) -> Postponement:
    """Moves an event, and makes everybody a maybe. Raises `NotFound`, `Forbidden`, `Conflict` and `Invalid`."""

    def begin(tx: Transaction) -> Postponement:
        event, role = context.load_event(tx, event_id, caller.user_id)
        check_host(role)
        moved = context.update_event(tx, event.id, _patch(event, new), by=caller)
        tx.run(context.sql.list_postponed, event_id=event.id)
        asked = int(tx.row(context.sql.count_postponed, event_id=event.id)["people"])
        return Postponement(event_id=event.id, start_time=moved.start_time, end_time=moved.end_time, asked=asked)

    def may_see(tx: Transaction, made: Postponement) -> None:
        check_host(context.load_event(tx, made.event_id, caller.user_id)[1])

    made = await context.write_once(caller, Postponement, begin, may_see=may_see)
    await _finish(context, made.event_id)
    return made


async def resume(context: Context) -> None:
    """Finishes what a crash has interrupted."""
    for row in await context.read(lambda tx: tx.all(context.sql.list_postponing)):
        await _finish(context, row["event_id"])


async def _finish(context: Context, event_id: str) -> None:
    while await context.write(lambda tx: _step(context, tx, event_id)):
        pass


def _step(context: Context, tx: Transaction, event_id: str) -> bool:
    """Changes some answers. Returns true if there are more."""
    rows = tx.all(context.sql.list_next_postponed, event_id=event_id, most=STEP)
    for row in rows:
        try:
            context.rsvp(tx, event_id, row["user_id"], "maybe")
        except DomainError as error:  # for example somebody who is checked in
            context.log.info("answer_not_postponed", event_id=event_id, reason=error.code)
        tx.run(context.sql.delete_postponed, event_id=event_id, user_id=row["user_id"])
    return len(rows) == STEP


def _patch(event: Event, new: NewTime) -> EventPatch:
    start, end = (datetime.fromisoformat(each) for each in (event.start_time, event.end_time))
    new_end = new.end_time or rfc3339(datetime.fromisoformat(new.start_time) + (end - start))
    return EventPatch(start_time=new.start_time, end_time=new_end)
