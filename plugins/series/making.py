"""Makes occurrences, a limited number in each transaction.

An occurrence is a row with its date as the key, written with the event. So a crash, a restart, or two who make
occurrences at the same time neither leave one out nor make it twice.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from eventorg.plugin import Conflict, Context, Event, Instant, Transaction, rfc3339

from .plans import Plan, Times
from .rules import Place, parse, places_after

HORIZON: Final = timedelta(days=90)
MAX_EVENTS: Final = 50
"""The number of events of a series that are not over."""
STEP: Final = 10
"""The number of events that are made in one transaction."""
REGULARS: Final = 100
"""The number of people who are registered in one transaction."""

_POSTPONED: Final = timedelta(minutes=10)
_MAX_DUE: Final = 100
_LONGEST_DAY: Final = timedelta(hours=36)
"""From midnight in UTC to the end of the day in the last time zone."""

Row = Mapping[str, Any] | sqlite3.Row


async def make_due(context: Context) -> None:
    """Makes the occurrences that are due, and goes on with those whose regulars are still being registered."""
    now = rfc3339(context.clock())

    def work(tx: Transaction) -> list[str]:
        due = tx.all(context.sql.list_due, now=now, most=_MAX_DUE)
        return [row["id"] for row in [*due, *tx.all(context.sql.list_carrying, most=_MAX_DUE)]]

    for series_id in dict.fromkeys(await context.read(work)):
        try:
            await advance(context, series_id)
        except Exception as error:  # for example a full disk; the others must not wait for this one
            await _postpone(context, series_id, error)


async def advance(context: Context, series_id: str) -> None:
    """Makes all occurrences of a series that have to exist, in steps, and registers their regulars."""
    try:
        await _make_all(context, series_id, STEP)
    except Conflict:  # the organizer has too many events: as many as there can be
        try:
            await _make_all(context, series_id, 1)
        except Conflict as refused:
            await _postpone(context, series_id, refused)
    while await context.write(lambda tx: _register_regulars(context, tx, series_id)):
        pass


async def _postpone(context: Context, series_id: str, error: Exception) -> None:
    context.log.warning("series_postponed", series_id=series_id, reason=f"{type(error).__name__}: {error}")
    later = rfc3339(context.clock() + _POSTPONED)
    await context.write(lambda tx: tx.run(context.sql.postpone, id=series_id, due_at=later))


async def _make_all(context: Context, series_id: str, size: int) -> None:
    while await context.write(lambda tx: make_step(context, tx, series_id, size)):
        pass


def make_step(context: Context, tx: Transaction, series_id: str, size: int, *, at_least: int = 0) -> bool:
    """Makes up to `size` occurrences that have to exist, and returns true if there are more.

    `at_least` is the number to make in any case, if the rule has more dates.
    """
    row = tx.one(context.sql.get_series, id=series_id)
    if row is None or row["ended_at"] is not None or tx.one(context.sql.get_first, series_id=series_id) is None:
        return False
    plan, carries = Plan.load(row["plan"]), bool(row["carry_over"])
    now = datetime.fromisoformat(tx.now)
    horizon = rfc3339(now + HORIZON)
    state = tx.row(context.sql.get_state, series_id=series_id, now=tx.now)
    live, upcoming = state["last_live_end"], state["upcoming"]
    reached, made = Place(row["reached"], row["number"]), 0
    due_at: str | None = None
    is_over = False
    for place, times in coming(row, plan, reached):
        if is_known(context, tx, series_id, place.date):
            reached = place
            continue
        if _is_past(times, tx.now, carries=carries):
            reached = place
            continue
        if made >= at_least and (wait := _wait(times, state, live, upcoming, horizon, carries=carries)):
            due_at = wait
            break
        if made >= max(size, at_least):
            due_at = tx.now
            break
        event = make(context, tx, row, plan, place.date, times)
        reached, made, upcoming, live = place, made + 1, upcoming + 1, event.end_time
        if state["first_end"] is None:
            state = tx.row(context.sql.get_state, series_id=series_id, now=tx.now)
    else:
        state = tx.row(context.sql.get_state, series_id=series_id, now=tx.now)
        due_at = state["last_end"] or _end_of_skips(context, tx, series_id)
        is_over = due_at is None
    tx.run(
        context.sql.save_progress,
        id=series_id,
        reached=reached.date,
        number=reached.number,
        due_at=due_at,
        ended_at=tx.now if is_over else None,
    )
    return due_at == tx.now


def coming(row: Row, plan: Plan, reached: Place) -> Iterator[tuple[Place, Times]]:
    """Yields the dates of a series after a place, with the times of their occurrences."""
    start = datetime.fromisoformat(row["start"])
    for place in places_after(parse(row["rrule"]), start, row["start_timezone"], reached):
        times = plan.times_on(place.date)
        if times is None:
            return
        yield place, times


def make(context: Context, tx: Transaction, row: Row, plan: Plan, day: str, times: Times) -> Event:
    """Makes the occurrence of a date, and registers the first regulars."""
    first = tx.row(context.sql.get_first, series_id=row["id"])
    before = tx.one(context.sql.get_before, series_id=row["id"], date=day) if row["carry_over"] else None
    event = context.copy_event(tx, first["id"], plan.as_patch(times))
    tx.run(
        context.sql.add_occurrence,
        series_id=row["id"],
        date=day,
        planned=plan.planned(day),
        event_id=event.id,
        seen=context.load_last_change(tx),
        carry_from=before["event_id"] if before else None,
    )
    if before:
        _carry(context, tx, tx.row(context.sql.get_carried_to, event_id=event.id))
    return event


def has_another(context: Context, tx: Transaction, series_id: str, event_id: str) -> bool:
    """Returns true if a series has another event than this one. If need be, the next one is made now, because new
    occurrences are copies of one that exists."""
    if tx.one(context.sql.get_another, series_id=series_id, event_id=event_id):
        return True
    make_step(context, tx, series_id, 1, at_least=1)
    return tx.one(context.sql.get_another, series_id=series_id, event_id=event_id) is not None


def is_known(context: Context, tx: Transaction, series_id: str, day: str) -> bool:
    """Returns true for a date that was skipped before it was made."""
    return tx.one(context.sql.is_known, series_id=series_id, date=day) is not None


def _end_of_skips(context: Context, tx: Transaction, series_id: str) -> Instant | None:
    """Returns the time until which a skipped date may be taken back, or None."""
    last = tx.row(context.sql.get_last_skip, series_id=series_id)["planned"]
    if last is None:
        return None
    over = rfc3339(datetime.fromisoformat(f"{last}T00:00:00+00:00") + _LONGEST_DAY)
    return over if over > tx.now else None


def _is_past(times: Times, now: Instant, *, carries: bool) -> bool:
    """Returns true for a date on which no event is made any more. The next one of a series that carries people over
    may have begun when the one before it ends."""
    return str(times["end_time"]) <= now if carries else str(times["start_time"]) <= now


def _wait(
    times: Times, state: Row, live: Instant | None, upcoming: int, horizon: Instant, *, carries: bool
) -> Instant | None:
    """Returns the time until which the occurrence has to wait, or None."""
    if carries:
        return live
    start = str(times["start_time"])
    if start > horizon:
        return rfc3339(datetime.fromisoformat(start) - HORIZON)
    return str(state["first_end"]) if upcoming >= MAX_EVENTS else None


def _register_regulars(context: Context, tx: Transaction, series_id: str) -> bool:
    """Registers the next people of an occurrence. Returns false if there is none to go on with."""
    row = tx.one(context.sql.get_carried, series_id=series_id)
    if row is not None:
        _carry(context, tx, row)
    return row is not None


def _carry(context: Context, tx: Transaction, row: Row) -> None:
    key = {"series_id": row["series_id"], "date": row["date"]}
    people = tx.all(
        context.sql.list_regulars,
        event_id=row["carry_from"],
        to_event_id=row["event_id"],
        after=row["carry_after"],
        most=REGULARS,
    )
    for person in people:
        if person["has_dealt"]:
            continue
        party = {
            "guests": person["guests"],
            "guest_names": msgspec.json.decode(person["guest_names"], type=list[str]),
        }
        try:
            if person["name_only"]:
                context.register_by_name(tx, row["event_id"], person["first_name"], person["last_name"], **party)
            else:
                context.register(tx, row["event_id"], person["user_id"], **party)
        except Conflict as refused:  # full, and without a waiting list
            context.log.info("regular_not_registered", event_id=row["event_id"], reason=refused.code)
    if len(people) < REGULARS:
        tx.run(context.sql.finish_carrying, **key)
    else:
        tx.run(context.sql.save_carried, **key, after=people[-1]["seq"])
