"""Copies the questions of an event with the event."""

from collections.abc import Sequence
from typing import Any

from eventorg.plugin import Context, EventCreated, Fact, Transaction

from .questions import copied, dump, find_questions


def select(facts: Sequence[Fact], context: Context, tx: Transaction) -> list[Fact]:
    """Returns the facts about copies."""
    return [fact for fact in facts if _original_of(fact)]


async def copy_questions(fact: EventCreated, context: Context) -> None:
    """Copies the questions of the original. Until then, the copy has the same ones (see `find_questions`)."""
    original_id, copy_id = _original_of(fact), fact.event_id
    if original_id is None or copy_id is None:
        return

    def work(tx: Transaction) -> None:
        questions = copied(find_questions(context, tx, original_id), copy_id)
        if questions:
            tx.run(context.sql.add_questions, event_id=copy_id, questions=dump(questions))

    await context.write(work)


def _original_of(fact: Fact) -> str | None:
    data: Any = fact.data
    return data.get("copied_from") if data else None
