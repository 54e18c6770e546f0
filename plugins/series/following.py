"""Follows what others do with the events of series."""

from collections.abc import Sequence
from typing import Any, Final

from eventorg.plugin import Context, EventCancelled, EventDeleted, EventUpdated, Fact, Transaction

from .making import advance

_MAX_ROWS: Final = 500
_NO_EDIT: Final = frozenset(("hosts", "metadata", "organizer_id"))
"""Changes that leave an event as the series has made it."""


def select(facts: Sequence[Fact], context: Context, tx: Transaction) -> list[Fact]:
    """Returns the facts about edits of events of a series, other than by the series."""
    return [fact for fact in facts if _is_edit(fact) and _is_new(fact, context, tx)]


async def note_edit(fact: EventUpdated | EventCancelled, context: Context) -> None:
    """Notes that an event was edited by itself, and makes what has to exist after that."""

    def work(tx: Transaction) -> str | None:
        found = tx.one(context.sql.get_occurrence_of, event_id=fact.event_id)
        if found is None or fact.seq <= found["seen"]:
            return None
        tx.run(context.sql.note_edit, event_id=fact.event_id)
        return str(found["series_id"])

    if series_id := await context.write(work):
        await advance(context, series_id)


async def forget_event(fact: EventDeleted, context: Context) -> None:
    """Forgets a deleted event, and a series that has no event left."""

    def work(tx: Transaction) -> tuple[str, bool] | None:
        found = tx.one(context.sql.get_occurrence_of, event_id=fact.event_id)
        if found is None:
            return None
        series_id = str(found["series_id"])
        is_last = tx.one(context.sql.get_first, series_id=series_id) is None
        if not is_last:
            tx.run(context.sql.forget_event, event_id=fact.event_id)
        return series_id, is_last

    found = await context.write(work)
    if found is None:
        return
    series_id, is_last = found
    if not is_last:
        await advance(context, series_id)
        return

    def delete(tx: Transaction) -> int:
        return tx.run(context.sql.delete_occurrences, series_id=series_id, most=_MAX_ROWS)

    while await context.write(delete) == _MAX_ROWS:
        pass
    await context.write(lambda tx: tx.run(context.sql.delete_series, id=series_id))


def _is_edit(fact: Fact) -> bool:
    if isinstance(fact, EventDeleted):
        return True
    data: Any = fact.data
    return data is None or not _NO_EDIT.issuperset(data.get("changed", ()))


def _is_new(fact: Fact, context: Context, tx: Transaction) -> bool:
    found = tx.one(context.sql.get_occurrence_of, event_id=fact.event_id)
    return found is not None and (isinstance(fact, EventDeleted) or fact.seq > found["seen"])
