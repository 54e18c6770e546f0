"""Reads and changes questions and answers."""

from collections.abc import Sequence
from typing import Any

import msgspec

from eventorg.plugin import Caller, Conflict, Context, Event, ReadTransaction, Transaction, check_host, check_version

from .answers import NewAnswers, OwnAnswers, checked
from .questions import WITH_OPTIONS, NewQuestion, Question, Questions, dump, find_questions, made, tag_of


async def get_questions(context: Context, event_id: str, caller: Caller) -> Questions:
    """Returns the questions of an event. Raises `NotFound`."""

    def work(tx: Transaction) -> Questions:
        event, _ = context.load_event(tx, event_id, caller.user_id)
        return Questions(event.id, find_questions(context, tx, event.id))

    return await context.read(work)


async def set_questions(
    context: Context, event_id: str, new: Sequence[NewQuestion], expected: frozenset[str] | None, caller: Caller
) -> Questions:
    """Sets the questions of an event and returns them. Answers that do not fit any more are deleted.

    Raises `NotFound`, `Forbidden` (not a host), `Invalid` and `VersionMismatch`.
    """

    def work(tx: Transaction) -> Questions:
        event, role = context.load_event(tx, event_id, caller.user_id)
        check_host(role)
        before = find_questions(context, tx, event.id)
        check_version(tag_of(Questions(event.id, before)), expected)
        after = made(new, before)
        tx.run(context.sql.set_questions, event_id=event.id, questions=dump(after))
        kept = {question.id: question for question in after}
        for question in before:
            _delete_unfit(context, tx, event.id, question, kept.get(question.id))
        return Questions(event.id, after)

    return await context.write(work)


async def get_answers(context: Context, event_id: str, caller: Caller) -> OwnAnswers:
    """Returns the caller's answers. Raises `NotFound` if the caller may not see the event."""

    def work(tx: Transaction) -> OwnAnswers:
        event, _ = context.load_event(tx, event_id, caller.user_id)
        return find_answers(context, tx, event.id, caller.user_id)

    return await context.read(work)


async def set_answers(
    context: Context, event_id: str, new: NewAnswers, expected: frozenset[str] | None, caller: Caller
) -> OwnAnswers:
    """Replaces the caller's answers and returns them.

    Raises `NotFound`, `Conflict` (`event_over`), `Invalid` and `VersionMismatch`.
    """

    def work(tx: Transaction) -> OwnAnswers:
        event, _ = context.load_event(tx, event_id, caller.user_id)
        return _set_answers(context, tx, event, new, expected, caller)

    return await context.write(work)


async def set_invited_answers(
    context: Context, code: str, new: NewAnswers, expected: frozenset[str] | None, caller: Caller
) -> OwnAnswers:
    """Does what `set_answers` does, for the event of an invitation."""

    def work(tx: Transaction) -> OwnAnswers:
        event, _ = context.load_invited(tx, code, caller.user_id)
        return _set_answers(context, tx, event, new, expected, caller)

    return await context.write(work)


def find_answers(context: Context, tx: Transaction | ReadTransaction, event_id: str, user_id: str) -> OwnAnswers:
    """Returns the answers of a user to the questions of an event."""
    row = tx.one(context.sql.get_answers, event_id=event_id, user_id=user_id)
    if row is None:
        return OwnAnswers(event_id, user_id, {}, None)
    return OwnAnswers(event_id, user_id, load_answers(row["answers"]), row["answered_at"])


def load_answers(stored: str | None) -> dict[str, Any]:
    """Returns stored answers by the ids of questions."""
    return msgspec.json.decode(stored, type=dict[str, Any]) if stored else {}


def _set_answers(
    context: Context, tx: Transaction, event: Event, new: NewAnswers, expected: frozenset[str] | None, caller: Caller
) -> OwnAnswers:
    check_version(tag_of(find_answers(context, tx, event.id, caller.user_id)), expected)
    if event.end_time <= tx.now:
        raise Conflict("event_over")
    answers = checked(new.answers, find_questions(context, tx, event.id))
    tx.run(context.sql.set_answers, event_id=event.id, user_id=caller.user_id, answers=dump(answers), now=tx.now)
    return OwnAnswers(event.id, caller.user_id, answers, tx.now)


def _delete_unfit(context: Context, tx: Transaction, event_id: str, before: Question, after: Question | None) -> None:
    """Deletes the answers to a question that it does not allow any more."""
    path = f'$."{before.id}"'
    if after is None or _values_of(after) != _values_of(before):
        tx.run(context.sql.delete_answers, event_id=event_id, path=path)
    elif after.kind in WITH_OPTIONS and after.options != before.options:
        tx.run(context.sql.delete_other_answers, event_id=event_id, path=path, options=dump(after.options))


def _values_of(question: Question) -> str:
    """Returns the kind of a question's values: an option is a text."""
    return "text" if question.kind == "choice" else question.kind
