"""Answers to questions: what is a valid one."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from eventorg.plugin import FieldError, Id, Input, Instant, Invalid, text

from .questions import NOT_DISTINCT, UNKNOWN_QUESTION, Question

MAX_TEXT: Final = 1_000
MAX_NUMBER: Final = 10**15

Answer = bool | int | float | str | list[str]
Answers = Annotated[
    dict[str, Answer],
    Meta(
        description="The answers by the IDs of questions.",
        examples=[{"0b9fdc1e-7f5c-4a55-9f0e-3c1d5d3a6f11": "Margherita"}],
    ),
]


class NewAnswers(Input):
    """All answers of a user to the questions of an event."""

    answers: Answers


class OwnAnswers(Struct, frozen=True):
    """The answers of a user to the questions of an event."""

    event_id: Annotated[Id, Meta(description="The event's ID.")]
    user_id: Annotated[Id, Meta(description="The user's ID.")]
    answers: Answers
    answered_at: Annotated[Instant | None, Meta(description="The time of the last answer, in UTC. Null: never.")]


class _Text(Input):
    value: Annotated[str, text(1, MAX_TEXT, lines=True, example="No nuts")]


def checked(given: Mapping[str, Answer], questions: Sequence[Question]) -> dict[str, Answer]:
    """Returns answers in their clean form. Raises `Invalid`."""
    asked = {question.id: question for question in questions}
    errors: list[FieldError] = []
    clean: dict[str, Answer] = {}
    for question_id, value in given.items():
        question = asked.get(question_id)
        if question is None:
            found: Any = FieldError("", "unknown_question", {**UNKNOWN_QUESTION})
        else:
            found = _checked(value, question)
        if isinstance(found, FieldError):
            errors.append(FieldError(f"answers.{question_id}", found.code, found.values))
        else:
            clean[question_id] = found
    if errors:
        raise Invalid(*errors)
    return clean


def unanswered(questions: Sequence[Question], answers: Mapping[str, Any]) -> list[Question]:
    """Returns the questions that have no answer."""
    return [question for question in questions if question.id not in answers]


def _checked(value: Answer, question: Question) -> Answer | FieldError:
    match question.kind:
        case "text":
            return _checked_text(value)
        case "number":
            return _checked_number(value)
        case "yes_no":
            return value if isinstance(value, bool) else _wrong_type("bool")
        case "choice":
            if not isinstance(value, str):
                return _wrong_type("str")
            return value if value in (question.options or ()) else FieldError("", "invalid_choice")
    return _checked_choices(value, question.options or ())


def _checked_text(value: Answer) -> str | FieldError:
    if not isinstance(value, str):
        return _wrong_type("str")
    try:
        return _Text(value=value).value
    except Invalid as invalid:
        return invalid.errors[0]


def _checked_number(value: Answer) -> float | FieldError:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _wrong_type("float")
    if not -MAX_NUMBER <= value <= MAX_NUMBER:
        return FieldError("", "out_of_range", {"minimum": -MAX_NUMBER, "maximum": MAX_NUMBER})
    return value


def _checked_choices(value: Answer, options: Sequence[str]) -> list[str] | FieldError:
    if not isinstance(value, list):
        return _wrong_type("array")
    if not value:
        return FieldError("", "too_short", {"minimum": 1, "unit": "items"})
    if not set(value).issubset(options):
        return FieldError("", "invalid_choice")
    return value if len(set(value)) == len(value) else FieldError("", "not_distinct", {**NOT_DISTINCT})


def _wrong_type(expected: str) -> FieldError:
    return FieldError("", "wrong_type", {"expected": expected})
