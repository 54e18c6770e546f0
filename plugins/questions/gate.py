"""The gate: people register after they have answered the required questions."""

from typing import Final

from msgspec import structs, to_builtins

from eventorg.plugin import Asked, Context, ReadTransaction, Refusal

from .answers import unanswered
from .questions import find_questions
from .repository import find_answers

UNANSWERED: Final = Refusal(
    "unanswered",
    {"ru": "Сначала ответьте на вопросы организатора.", "en": "Answer the questions of the organizer first."},
    {
        "ru": "Спросите человека, что стоит в `data.questions`, отправьте ответы в `PUT /events/{event_id}/answers` "
        "(по приглашению: `PUT /invitations/{code}/answers`) и повторите запрос.",
        "en": "Ask the person what `data.questions` contains, send the answers to `PUT /events/{event_id}/answers` "
        "(with an invitation: `PUT /invitations/{code}/answers`), and send the request again.",
    },
)


def check(asked: Asked, context: Context, tx: ReadTransaction) -> Refusal | None:
    """Refuses newcomers who have not answered all required questions. It tells them every question that is open."""
    if asked.before is not None:
        return None
    questions = find_questions(context, tx, asked.event_id)
    if not any(question.required for question in questions):
        return None
    given = find_answers(context, tx, asked.event_id, asked.user_id)
    missing = unanswered(questions, given.answers)
    if not any(question.required for question in missing):
        return None
    return structs.replace(UNANSWERED, data={"questions": to_builtins(missing)})
