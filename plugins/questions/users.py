"""The answers of a user: their export, and their move to another account."""

from typing import Annotated

from msgspec import Meta, Struct

from eventorg.plugin import Context, Id, Instant, Transaction

from .answers import Answers
from .repository import load_answers


class GivenAnswers(Struct, frozen=True):
    """The answers of a user to the questions of one event."""

    event_id: Annotated[Id, Meta(description="The event's ID.")]
    answers: Answers
    answered_at: Annotated[Instant, Meta(description="The time of the last answer, in UTC.")]


def export(user_id: str, context: Context, tx: Transaction) -> list[GivenAnswers]:
    """Returns all answers of a user."""
    return [
        GivenAnswers(row["event_id"], load_answers(row["answers"]), row["answered_at"])
        for row in tx.all(context.sql.list_answers_of_user, user_id=user_id)
    ]


def move(gone_id: str, stays_id: str, context: Context, tx: Transaction) -> None:
    """Moves the answers of a user who is merged into another one. Those of the other one take precedence."""
    tx.run(context.sql.move_answers, gone_id=gone_id, stays_id=stays_id)
