"""Changes series, as their hosts do. Each function is one use case and one transaction."""

from typing import Final

from msgspec import UNSET

from eventorg.plugin import (
    Caller,
    Context,
    Event,
    EventPatch,
    NotFound,
    Transaction,
    check_host,
    check_version,
)

from .making import Row, advance, coming, has_another, is_known
from .plans import TIMES, Change, Plan, Reference
from .repository import day_of, load_as_host, may_see, show
from .rules import Place
from .series import NO_OCCURRENCE, NOT_FOUND, Tagged

_EDITABLE: Final = tuple(name for name in EventPatch.__struct_fields__)


async def update(
    context: Context,
    series_id: str,
    patch: EventPatch,
    since: str | None,
    expected: frozenset[str] | None,
    caller: Caller,
) -> Tagged:
    """Changes the events of a series that nobody has edited by themselves, from the next one or from the one that is
    given on, and those to come. Returns the series.

    Raises `NotFound` (`series_not_found`, `occurrence_not_found`), `Forbidden`, `VersionMismatch`, and the errors of an
    event that is changed.
    """

    def work(tx: Transaction) -> Tagged:
        row = load_as_host(context, tx, series_id, caller)
        check_version(row["version"], expected)
        if all(getattr(patch, name) is UNSET for name in _EDITABLE):
            return show(context, tx, series_id)
        plan = Plan.load(row["plan"])
        day = None if since is None else _load_since(context, tx, series_id, since, caller)
        events = _concerned(context, tx, series_id, day, caller)
        change = Change(patch, _reference(context, tx, row, plan, events))
        after = change.of_plan(plan)
        is_changed = after != plan
        for each, event in events:
            now = context.update_event(tx, event.id, change.of_event(event, each), by=caller)
            is_changed = is_changed or now.version != event.version
            planned = day_of(now.start_time, now.timezone)
            tx.run(context.sql.move_planned, series_id=series_id, date=each, planned=planned)
            tx.run(context.sql.note_seen, event_id=event.id, seen=context.load_last_change(tx))
        begin = day or (events[0][0] if events else row["reached"])
        for skip in tx.all(context.sql.list_skips, series_id=series_id, from_date=begin):
            planned = after.planned(skip["date"])
            tx.run(context.sql.move_planned, series_id=series_id, date=skip["date"], planned=planned)
        if is_changed:
            tx.run(context.sql.save_plan, id=series_id, plan=after.dump())
        return show(context, tx, series_id)

    changed = await context.write_once(caller, Tagged, work, may_see=may_see(context, caller))
    await advance(context, series_id)
    return changed


async def end(
    context: Context, series_id: str, expected: frozenset[str] | None, caller: Caller, *, cancels: bool
) -> Tagged:
    """Ends a series and returns it. `cancels`: its events that have not begun are cancelled too."""

    def work(tx: Transaction) -> Tagged:
        row = load_as_host(context, tx, series_id, caller)
        check_version(row["version"], expected)
        if cancels:
            for each in tx.all(context.sql.list_upcoming, series_id=series_id, now=tx.now, from_date=""):
                is_hosted = tx.one(context.sql.is_host, event_id=each["event_id"], user_id=caller.user_id) is not None
                if each["start_time"] > tx.now and each["status"] != "cancelled" and is_hosted:
                    context.cancel_event(tx, each["event_id"], by=caller)
                    seen = context.load_last_change(tx)
                    tx.run(context.sql.note_seen, event_id=each["event_id"], seen=seen)
        tx.run(context.sql.end_series, id=series_id, now=tx.now)
        return show(context, tx, series_id)

    return await context.write(work)


async def detach(context: Context, event_id: str, caller: Caller) -> Event:
    """Takes an event out of its series and returns it. Its date is not made again.

    Raises `NotFound` (`series_not_found`) and `Forbidden`.
    """

    left: list[str] = []

    def work(tx: Transaction) -> Event:
        event, role = context.load_event(tx, event_id, caller.user_id)
        check_host(role)
        found = tx.one(context.sql.get_series_of, event_id=event.id)
        if found is None:
            raise NotFound("series_not_found", **NOT_FOUND)
        stays = has_another(context, tx, found["id"], event.id)
        tx.run(context.sql.forget_event, event_id=event.id)
        if stays:
            tx.run(context.sql.touch_series, id=found["id"])
            left.append(found["id"])
        else:
            tx.run(context.sql.delete_series, id=found["id"])
        return event

    def check(tx: Transaction, _: Event) -> None:
        check_host(context.load_event(tx, event_id, caller.user_id)[1])

    detached = await context.write_once(caller, Event, work, may_see=check)
    for series_id in left:
        await advance(context, series_id)
    return detached


def _load_since(context: Context, tx: Transaction, series_id: str, event_id: str, caller: Caller) -> str:
    """Returns the date of an event of the series. Raises `NotFound`."""
    try:
        event, _ = context.load_event(tx, event_id, caller.user_id)
    except NotFound:
        raise NotFound("occurrence_not_found", **NO_OCCURRENCE) from None
    found = tx.one(context.sql.get_occurrence_of, event_id=event.id)
    if found is None or found["series_id"] != series_id:
        raise NotFound("occurrence_not_found", **NO_OCCURRENCE)
    return str(found["date"])


def _concerned(
    context: Context, tx: Transaction, series_id: str, since: str | None, caller: Caller
) -> list[tuple[str, Event]]:
    """Returns the events that a change of the series is about, with their dates: those that have not begun or, from a
    given one on, are not over, without those that somebody edited by themselves or that the caller does not host."""
    events = []
    for row in tx.all(context.sql.list_upcoming, series_id=series_id, now=tx.now, from_date=since or ""):
        is_given = row["date"] == since
        if row["is_skipped"] or (row["is_edited"] and not is_given):
            continue
        if since is None and row["start_time"] <= tx.now:
            continue
        if tx.one(context.sql.is_host, event_id=row["event_id"], user_id=caller.user_id) is not None:
            events.append((row["date"], context.load_event(tx, row["event_id"], caller.user_id)[0]))
    return events


def _reference(
    context: Context, tx: Transaction, row: Row, plan: Plan, events: list[tuple[str, Event]]
) -> Reference | None:
    """Returns the occurrence that given times are about: the first one that changes, or else the next one to come."""
    if events:
        day, event = events[0]
        return Reference(day, {name: getattr(event, name) for name in TIMES}, event.timezone)
    for place, times in coming(row, plan, Place(row["reached"], row["number"])):
        if str(times["start_time"]) > tx.now and not is_known(context, tx, row["id"], place.date):
            return Reference(place.date, times, plan.timezone)
    return None
