"""Reads and creates series. Hosts of the first event are the hosts of the series."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from eventorg.plugin import (
    Caller,
    Conflict,
    Context,
    FieldError,
    Forbidden,
    Invalid,
    NotFound,
    Transaction,
    check_host,
    decode_cursor,
    encode_cursor,
    local_time,
)

from .making import Row, advance, coming
from .plans import Plan
from .rules import Place, is_past, parse
from .series import (
    ALREADY,
    ENDS_BEFORE,
    MAX_RUNNING,
    NEXT_TIMES,
    NOT_FOUND,
    TOO_MANY,
    NewSeries,
    Series,
    SeriesEvents,
    Tagged,
)

_CANDIDATES: Final = 5
_START: Final = ("", "")


async def create(context: Context, new: NewSeries, caller: Caller) -> Tagged:
    """Creates a series, makes the events that have to exist, and returns the series.

    Raises `NotFound`, `Forbidden` (not a host), `Invalid`, and `Conflict` (`already_in_series`, `too_many_series`).
    """

    def work(tx: Transaction) -> Tagged:
        event, role = context.load_event(tx, new.event_id, caller.user_id)
        check_host(role)
        if tx.one(context.sql.get_series_of, event_id=event.id):
            raise Conflict("already_in_series", **ALREADY)
        running = tx.row(context.sql.count_running, organizer_id=event.organizer_id)
        if running["series"] >= MAX_RUNNING:
            raise Conflict("too_many_series", **TOO_MANY)
        start = local_time(event.start_time, event.timezone)
        if is_past(parse(new.rrule), start, event.timezone):
            raise Invalid(FieldError("rrule", "rrule_ends_before_start", {**ENDS_BEFORE}))
        series_id, day = str(uuid4()), start.date().isoformat()
        tx.run(
            context.sql.create_series,
            id=series_id,
            rrule=new.rrule,
            start=start.isoformat(),
            start_timezone=event.timezone,
            carry_over=new.carry_over,
            plan=Plan.of(event, day).dump(),
            reached=day,
            now=tx.now,
        )
        tx.run(
            context.sql.add_occurrence,
            series_id=series_id,
            date=day,
            planned=day,
            event_id=event.id,
            seen=context.load_last_change(tx),
            carry_from=None,
        )
        return show(context, tx, series_id)

    made = await context.write_once(caller, Tagged, work, may_see=may_see(context, caller))
    await advance(context, made.series.id)
    return made


async def get(context: Context, series_id: str, caller: Caller) -> Tagged:
    """Returns a series. Raises `NotFound` if the caller may see none of its events."""

    def work(tx: Transaction) -> Tagged:
        check_visible(context, tx, series_id, caller)
        return show(context, tx, series_id)

    return await context.read(work)


async def get_of_event(context: Context, event_id: str, caller: Caller) -> Tagged:
    """Returns the series of an event. Raises `NotFound`."""

    def work(tx: Transaction) -> Tagged:
        event, _ = context.load_event(tx, event_id, caller.user_id)
        row = tx.one(context.sql.get_series_of, event_id=event.id)
        if row is None:
            raise NotFound("series_not_found", **NOT_FOUND)
        return show(context, tx, row["id"])

    return await context.read(work)


async def find_events(context: Context, series_id: str, limit: int, cursor: str | None, caller: Caller) -> SeriesEvents:
    """Returns a page of the events of a series that the caller may see. Raises `NotFound`, and `Invalid` for an invalid
    cursor."""
    after_time, after_id = decode_cursor(cursor, tuple[str, str]) or _START

    def work(tx: Transaction) -> SeriesEvents:
        check_visible(context, tx, series_id, caller)
        rows = tx.all(
            context.sql.list_visible,
            series_id=series_id,
            viewer_id=caller.user_id,
            after_time=after_time,
            after_id=after_id,
            most=limit + 1,
        )
        last = rows[limit - 1] if len(rows) > limit else None
        events = []
        for row in rows[:limit]:
            try:
                events.append(context.load_event(tx, row["id"], caller.user_id)[0])
            except NotFound:  # the caller was removed from a private event
                continue
        return SeriesEvents(
            events=events,
            next=encode_cursor((last["start_time"], last["id"])) if last else None,
            as_of=context.load_last_change(tx),
        )

    return await context.read(work)


def show(context: Context, tx: Transaction, series_id: str) -> Tagged:
    """Returns a series as everybody sees it. Raises `NotFound` if there is none, or if no event of it is left."""
    row = tx.one(context.sql.get_series, id=series_id)
    first = tx.one(context.sql.get_first, series_id=series_id)
    if row is None or first is None:
        raise NotFound("series_not_found", **NOT_FOUND)
    plan = Plan.load(row["plan"])
    series = Series(
        id=row["id"],
        event_id=first["id"],
        rrule=row["rrule"],
        timezone=plan.timezone,
        carry_over=bool(row["carry_over"]),
        next_start_times=_next_start_times(context, tx, row, plan),
        ended_at=row["ended_at"],
    )
    return Tagged(series, row["version"])


def check_visible(context: Context, tx: Transaction, series_id: str, caller: Caller) -> None:
    """Raises `NotFound` unless the caller may see an event of a series."""
    rows = tx.all(
        context.sql.list_visible,
        series_id=series_id,
        viewer_id=caller.user_id,
        after_time="",
        after_id="",
        most=_CANDIDATES,
    )
    for row in rows:
        try:
            context.load_event(tx, row["id"], caller.user_id)
        except NotFound:
            continue
        return
    raise NotFound("series_not_found", **NOT_FOUND)


def load_as_host(context: Context, tx: Transaction, series_id: str, caller: Caller) -> Row:
    """Returns the row of a series. Raises `NotFound`, and `Forbidden` unless the caller is a host of its first
    event."""
    check_visible(context, tx, series_id, caller)
    first = tx.row(context.sql.get_first, series_id=series_id)
    if tx.one(context.sql.is_host, event_id=first["id"], user_id=caller.user_id) is None:
        raise Forbidden()
    return tx.row(context.sql.get_series, id=series_id)


def may_see(context: Context, caller: Caller) -> Callable[[Transaction, Tagged], object]:
    """Returns a check that the caller is still a host of a series, for a request that is sent again."""
    return lambda tx, made: load_as_host(context, tx, made.series.id, caller)


def export(user_id: str, context: Context, tx: Transaction) -> list[dict[str, Any]]:
    """Returns the series that have events of a user, with the settings of the occurrences to come."""
    found = []
    for row in tx.all(context.sql.list_series_by, user_id=user_id):
        stored = tx.row(context.sql.get_series, id=row["id"])
        plan = Plan.load(stored["plan"])
        found.append({"series": show(context, tx, row["id"]).series, "settings": plan.settings})
    return found


def _next_start_times(context: Context, tx: Transaction, row: Row, plan: Plan) -> list[str]:
    if row["ended_at"] is not None:
        return []
    existing = tx.all(context.sql.list_next_starts, series_id=row["id"], now=tx.now, most=NEXT_TIMES)
    known = {each["date"] for each in tx.all(context.sql.list_known_after, series_id=row["id"], date=row["reached"])}
    starts: list[str] = []
    for place, times in coming(row, plan, Place(row["reached"], row["number"])):
        start = str(times["start_time"])
        if place.date in known or start < tx.now:
            continue
        starts.append(start)
        if len(starts) == NEXT_TIMES:
            break
    return sorted([*(each["start_time"] for each in existing), *starts])[:NEXT_TIMES]


def day_of(at: str, timezone: str) -> str:
    """Returns the date on which a time is in a time zone."""
    return datetime.date(local_time(at, timezone)).isoformat()
