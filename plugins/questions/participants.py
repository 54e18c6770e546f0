"""The answers of the participants, for hosts: as pages, and as a CSV file."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from eventorg.plugin import Caller, Context, Event, Id, Instant, Transaction, check_host, encode_cursor

from .answers import Answers
from .questions import Question, find_questions
from .repository import load_answers

_NO_LIMIT: Final = -1
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_PERSON: Final = ("user_id", "username", "first_name", "last_name")

Row = Mapping[str, Any]


class ParticipantAnswers(Struct, frozen=True):
    """The answers of a participant."""

    user_id: Annotated[Id, Meta(description="The participant's ID.")]
    answers: Answers
    answered_at: Annotated[Instant | None, Meta(description="The time of the last answer, in UTC. Null: never.")]


class ParticipantAnswersPage(Struct, frozen=True):
    """A page of the answers of the participants of an event."""

    answers: Annotated[
        list[ParticipantAnswers],
        Meta(description="An entry for each participant, also those without answers, in the order of registration."),
    ]
    next: Annotated[str | None, Meta(description="The `cursor` of the next page. Null: this is the last one.")]
    as_of: Annotated[
        int,
        Meta(
            description="The number of the last change when this page was read. Follow the list with "
            "`GET /changes?after=<as_of of the first page>`."
        ),
    ]


async def find_participant_answers(
    context: Context, event_id: str, after: int, limit: int, caller: Caller
) -> ParticipantAnswersPage:
    """Returns the answers of the participants after a place in the list. Raises `NotFound`, and `Forbidden` (not a
    host)."""

    def work(tx: Transaction) -> ParticipantAnswersPage:
        event = _load_as_host(context, tx, event_id, caller)
        rows = tx.all(context.sql.list_answers, event_id=event.id, after=after, limit=limit + 1)
        page = rows[:limit]
        return ParticipantAnswersPage(
            [ParticipantAnswers(row["user_id"], load_answers(row["answers"]), row["answered_at"]) for row in page],
            encode_cursor(page[-1]["seq"]) if len(rows) > limit else None,
            context.load_last_change(tx),
        )

    return await context.read(work)


async def write_csv(context: Context, event_id: str, caller: Caller) -> bytes:
    """Returns the answers of all participants as a CSV file. Raises `NotFound`, and `Forbidden` (not a host)."""

    def work(tx: Transaction) -> tuple[list[Question], list[Any]]:
        event = _load_as_host(context, tx, event_id, caller)
        rows = tx.all(context.sql.list_answers, event_id=event.id, after=0, limit=_NO_LIMIT)
        return find_questions(context, tx, event.id), rows

    questions, rows = await context.read(work)
    return csv_of(questions, [dict(row) for row in rows])


def csv_of(questions: Sequence[Question], rows: Sequence[Row]) -> bytes:
    """Returns rows of participants as CSV (RFC 4180): UTF-8 with a byte order mark, as spreadsheets expect it."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow([*_PERSON, "answered_at", *(_safe(question.label) for question in questions)])
    for row in rows:
        answers = load_answers(row["answers"])
        person = [_safe(row[name] or "") for name in _PERSON]
        writer.writerow([*person, row["answered_at"] or "", *(_cell(answers.get(each.id)) for each in questions)])
    return file.getvalue().encode("utf-8-sig")


def _cell(answer: Any) -> str | int | float:
    match answer:
        case None:
            return ""
        case bool():
            return "yes" if answer else "no"
        case int() | float():
            return answer
        case list():
            return _safe("; ".join(answer))
    return _safe(answer)


def _safe(written: str) -> str:
    """Returns a text that no spreadsheet runs as a formula."""
    return f"'{written}" if written.startswith(_FORMULA) else written


def _load_as_host(context: Context, tx: Transaction, event_id: str, caller: Caller) -> Event:
    event, role = context.load_event(tx, event_id, caller.user_id)
    check_host(role)
    return event
