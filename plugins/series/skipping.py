"""Dates that a series leaves out."""

import asyncio
from collections.abc import Callable
from datetime import date, timedelta
from typing import Final

from msgspec import Struct

from eventorg.plugin import (
    Caller,
    Conflict,
    Context,
    EventPatch,
    NotFound,
    Transaction,
    at_local_time,
    check_version,
    local_time,
)

from .making import Row, advance, coming, has_another, is_known, make
from .plans import Plan
from .repository import load_as_host, show
from .rules import Place
from .series import NO_OCCURRENCE, Tagged

_LOOKS: Final = 40
_PAUSE_SECONDS: Final = 0.05
_DAY: Final = timedelta(days=1)


class _Occurrence(Struct, frozen=True):
    """The occurrence on a date. Without an event, it is not made yet, or skipped."""

    day: str
    event_id: str | None = None
    end_time: str | None = None
    status: str | None = None
    is_skipped: bool = False
    was_live: bool = False


async def skip(context: Context, series_id: str, day: str, expected: frozenset[str] | None, caller: Caller) -> Tagged:
    """Skips a date and returns the series. Its event is deleted if nobody ever registered, else cancelled.

    Raises `NotFound` (`occurrence_not_found`) and `Conflict` (`event_over`).
    """

    def prepare(tx: Transaction) -> int:
        """Makes the next event before the first one goes, and returns the number of the last change by a copy."""
        row = load_as_host(context, tx, series_id, caller)
        check_version(row["version"], expected)
        found = _find(context, tx, row, day)
        first = tx.row(context.sql.get_first, series_id=series_id)
        if found.is_skipped or found.event_id != first["id"] or not _is_unused(context, tx, first["id"]):
            return 0
        has_another(context, tx, series_id, first["id"])
        return int(tx.row(context.sql.get_last_seen, series_id=series_id)["seen"])

    def work(tx: Transaction, row: Row, found: _Occurrence) -> None:
        if found.is_skipped:
            return
        key = {"series_id": series_id, "date": found.day}
        if found.event_id is None:
            planned = Plan.load(row["plan"]).planned(found.day)
            tx.run(context.sql.add_skip, **key, planned=planned)
            return
        is_unused = _is_unused(context, tx, found.event_id)
        was_live = found.status != "cancelled"
        tx.run(context.sql.skip_occurrence, **key, event_id=found.event_id, was_live=was_live)
        if is_unused and has_another(context, tx, series_id, found.event_id):
            tx.run(context.sql.forget_event, event_id=found.event_id)
            context.delete_event(tx, found.event_id)
        elif was_live:
            context.cancel_event(tx, found.event_id)
            tx.run(context.sql.note_seen, event_id=found.event_id, seen=context.load_last_change(tx))

    if copied := await context.write(prepare):
        await _until_told(context, copied)
    return await _change_date(context, series_id, day, expected, caller, work)


async def take_back(
    context: Context, series_id: str, day: str, expected: frozenset[str] | None, caller: Caller
) -> Tagged:
    """Takes the skip of a date back and returns the series. An event that the skip has cancelled takes place again, and
    one that it has deleted is made again.

    Raises `NotFound` (`occurrence_not_found`) and `Conflict` (`event_over`).
    """

    def work(tx: Transaction, row: Row, found: _Occurrence) -> None:
        if not found.is_skipped:
            return
        key = {"series_id": series_id, "date": found.day}
        if found.event_id is not None:
            tx.run(context.sql.take_back, **key)
            if found.was_live and found.status == "cancelled":
                context.update_event(tx, found.event_id, EventPatch(status="published"))
                tx.run(context.sql.note_seen, event_id=found.event_id, seen=context.load_last_change(tx))
            return
        plan = Plan.load(row["plan"])
        times = plan.times_on(found.day)
        tx.run(context.sql.delete_occurrence, **key)
        if found.day > row["reached"] or times is None:
            return
        if str(times["start_time"]) <= tx.now:
            raise Conflict("event_over")
        make(context, tx, row, plan, found.day, times)

    return await _change_date(context, series_id, day, expected, caller, work)


async def _change_date(
    context: Context,
    series_id: str,
    day: str,
    expected: frozenset[str] | None,
    caller: Caller,
    change: Callable[[Transaction, Row, _Occurrence], None],
) -> Tagged:
    def work(tx: Transaction) -> Tagged:
        row = load_as_host(context, tx, series_id, caller)
        check_version(row["version"], expected)
        found = _find(context, tx, row, day)
        if found.end_time is not None and found.end_time <= tx.now:
            raise Conflict("event_over")
        before = tx.row(context.sql.get_skip, series_id=series_id, date=found.day)["is_skipped"]
        change(tx, row, found)
        if before != tx.row(context.sql.get_skip, series_id=series_id, date=found.day)["is_skipped"]:
            tx.run(context.sql.touch_series, id=series_id)
        return show(context, tx, series_id)

    changed = await context.write(work)
    await advance(context, series_id)
    return changed


def _find(context: Context, tx: Transaction, row: Row, written: str) -> _Occurrence:
    """Returns the occurrence on a date of the series' time zone. A series that has ended has those with an event only.
    Raises `NotFound`."""
    plan = Plan.load(row["plan"])
    try:
        planned = date.fromisoformat(written)
        day = plan.day_of(planned).isoformat()
        until = at_local_time(local_time(f"{written}T00:00:00Z", "UTC") + _DAY, plan.timezone)
    except (ValueError, OverflowError):
        raise NotFound("occurrence_not_found", **NO_OCCURRENCE) from None
    if planned.isoformat() != written:
        raise NotFound("occurrence_not_found", **NO_OCCURRENCE)
    found = tx.one(context.sql.find_planned, series_id=row["id"], planned=written)
    if found is None:
        since = at_local_time(local_time(f"{written}T00:00:00Z", "UTC"), plan.timezone)
        found = tx.one(context.sql.find_between, series_id=row["id"], since=since, until=until)
    if found is not None and not (found["event_id"] is None and row["ended_at"]):
        return _Occurrence(
            found["date"],
            found["event_id"],
            found["end_time"],
            found["status"],
            bool(found["is_skipped"]),
            bool(found["was_live"]),
        )
    if found is None and row["ended_at"] is None and not is_known(context, tx, row["id"], day):
        for place, _ in coming(row, plan, Place(row["reached"], row["number"])):
            if place.date >= day:
                if place.date == day:
                    return _Occurrence(day)
                break
    raise NotFound("occurrence_not_found", **NO_OCCURRENCE)


def _is_unused(context: Context, tx: Transaction, event_id: str) -> bool:
    """Returns true if nobody ever registered for an event."""
    return tx.one(context.sql.get_any_registration, event_id=event_id) is None


async def _until_told(context: Context, change: int) -> None:
    """Waits until all plugins know of a change, for a limited time: they copy what they have about an event, such as
    its questions, after the event is copied."""
    for _ in range(_LOOKS):
        position = await context.read(lambda tx: tx.row(context.sql.get_position)["seq"])
        if position is None or position >= change:
            return
        await asyncio.sleep(_PAUSE_SECONDS)
