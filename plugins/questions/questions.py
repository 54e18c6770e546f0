"""The questions of an event, as hosts set them and as everybody reads them."""

import hashlib
from collections.abc import Sequence
from typing import Annotated, Final, Literal
from uuid import UUID, uuid4, uuid5

import msgspec
from msgspec import Meta, Struct, structs

from eventorg.plugin import Context, FieldError, Id, Input, Invalid, ReadTransaction, Transaction, text

MAX_QUESTIONS: Final = 20
MIN_OPTIONS: Final = 2
MAX_OPTIONS: Final = 50

Kind = Literal["text", "number", "yes_no", "choice", "choices"]
WITH_OPTIONS: Final = ("choice", "choices")

NOT_DISTINCT: Final = {"ru": "Значения не должны повторяться.", "en": "The values must be different."}
OPTIONS_NOT_ALLOWED: Final = {
    "ru": "Варианты бывают только у вопросов `choice` и `choices`.",
    "en": "Only questions of the kind `choice` or `choices` have options.",
}
UNKNOWN_QUESTION: Final = {"ru": "У мероприятия нет такого вопроса.", "en": "The event has no such question."}

Label = Annotated[str, text(1, 200, example="Which pizza?", description="The question.")]
QuestionKind = Annotated[
    Kind,
    Meta(
        description="What answers are: a text of up to 1,000 characters, a number, `true` or `false`, one of the "
        "options, or a list of them.",
        examples=["choice"],
    ),
]
Required = Annotated[
    bool, Meta(description="True: people cannot register before they have answered it.", examples=[True])
]


class NewQuestion(Input):
    """A question, as a host sets it."""

    label: Label
    kind: QuestionKind
    required: Required
    id: Annotated[str, Meta(description="The question's ID, for one that the event has already.")] | None = None
    options: (
        Annotated[
            list[Annotated[str, text(1, 100, example="Margherita")]],
            Meta(
                description="For `choice` and `choices` only: 2 to 50 different answers.",
                examples=[["Margherita", "Funghi"]],
                extra_json_schema={"extra": {"min_items": MIN_OPTIONS, "max_items": MAX_OPTIONS}},
            ),
        ]
        | None
    ) = None

    def clean(self) -> None:
        super().clean()
        if fault := self._fault():
            raise Invalid(fault)

    def _fault(self) -> FieldError | None:
        if self.kind not in WITH_OPTIONS:
            return (
                None if self.options is None else FieldError("options", "options_not_allowed", {**OPTIONS_NOT_ALLOWED})
            )
        if self.options is None:
            return FieldError("options", "required")
        if len(self.options) < MIN_OPTIONS:
            return FieldError("options", "too_short", {"minimum": MIN_OPTIONS, "unit": "items"})
        if len(self.options) > MAX_OPTIONS:
            return FieldError("options", "too_long", {"maximum": MAX_OPTIONS, "unit": "items"})
        if len(set(self.options)) < len(self.options):
            return FieldError("options", "not_distinct", {**NOT_DISTINCT})
        return None


class Question(Struct, frozen=True):
    """A question to people who register."""

    id: Annotated[Id, Meta(description="The question's ID.")]
    label: Annotated[str, Meta(description="The question.")]
    kind: QuestionKind
    options: Annotated[
        list[str] | None, Meta(description="The possible answers. Null unless the kind is `choice` or `choices`.")
    ]
    required: Required


class Questions(Struct, frozen=True):
    """The questions of an event."""

    event_id: Annotated[Id, Meta(description="The event's ID.")]
    questions: Annotated[list[Question], Meta(description="The questions, in the order in which people are asked.")]


def dump(value: object) -> str:
    """Returns a value as JSON for the database."""
    return msgspec.json.encode(value).decode()


def tag_of(value: object) -> str:
    """Returns the entity tag of what a response shows."""
    return f'"{hashlib.blake2b(msgspec.json.encode(value), digest_size=12).hexdigest()}"'


def find_questions(context: Context, tx: Transaction | ReadTransaction, event_id: str) -> list[Question]:
    """Returns the questions of an event. Until a copy has questions of its own, it has those of the original."""
    row = tx.one(context.sql.get_questions, event_id=event_id)
    if row is None:
        return []
    if row["questions"] is not None:
        return msgspec.json.decode(row["questions"], type=list[Question])
    return copied(find_questions(context, tx, row["original_id"]), event_id)


def copied(questions: Sequence[Question], copy_id: str) -> list[Question]:
    """Returns questions for a copy of their event. Their ids are new, and the same each time."""
    return [structs.replace(each, id=str(uuid5(UUID(copy_id), each.id))) for each in questions]


def made(new: Sequence[NewQuestion], known: Sequence[Question]) -> list[Question]:
    """Returns what a host sets, with an id for each. Raises `Invalid`."""
    if len(new) > MAX_QUESTIONS:
        raise Invalid(FieldError("", "too_long", {"maximum": MAX_QUESTIONS, "unit": "items"}))
    known_ids = {each.id for each in known}
    errors: list[FieldError] = []
    seen: set[str] = set()
    for place, each in enumerate(new):
        if each.id is None:
            continue
        if each.id not in known_ids:
            errors.append(FieldError(f"[{place}].id", "unknown_question", {**UNKNOWN_QUESTION}))
        elif each.id in seen:
            errors.append(FieldError(f"[{place}].id", "not_distinct", {**NOT_DISTINCT}))
        seen.add(each.id)
    if errors:
        raise Invalid(*errors)
    return [Question(each.id or str(uuid4()), each.label, each.kind, each.options, each.required) for each in new]
