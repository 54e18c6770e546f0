"""The questions that an event asks people who register."""

from typing import Any, Final

from ..screens import in_rows
from ..texts import shorten
from .visits import Handlers, Json, Visit

KINDS: Final = ("text", "number", "yes_no", "choice", "choices")
_WITH_OPTIONS: Final = ("choice", "choices")
_FIELDS: Final = ("id", "label", "kind", "required", "options")
_LABEL: Final = 40
_MIN_OPTIONS: Final = 2


async def _questions(visit: Visit) -> list[Json]:
    found: list[Json] = (await visit.get("/questions"))["questions"]
    return found


async def _set(visit: Visit, questions: list[Json]) -> None:
    """Replaces the questions. Those with an ID keep their answers."""
    body = [{name: each[name] for name in _FIELDS if each.get(name) is not None} for each in questions]
    await visit.call("PUT", "/questions", body)


async def _list(visit: Visit, notice: str = "") -> None:
    """Shows the questions, with a button for each."""
    questions = await _questions(visit)
    rows = [[visit.button(_label(each), "question", each["id"])] for each in questions]
    body = visit.say("questions_ask") if questions else visit.say("no_questions")
    rows += [[visit.named("question_add", "kinds")], visit.back()]
    await visit.show("\n\n".join(filter(None, (notice, body))), rows)


def _label(question: Json) -> str:
    mark = "❗" if question["required"] else "❔"
    return f"{mark} {shorten(question['label'], _LABEL)}"


async def _show(visit: Visit, question_id: str) -> None:
    """Shows a question, and what a host can do with it."""
    question = next((each for each in await _questions(visit) if each["id"] == question_id), None)
    if question is None:
        return await _list(visit)
    kind = visit.say(f"kind_{question['kind']}")
    lines = [question["label"], f"({kind})"]
    lines += [f"• {option}" for option in question["options"] or ()]
    toggle = "question_optional" if question["required"] else "question_required"
    rows = [
        [visit.named(toggle, "require", question_id, int(not question["required"]))],
        [visit.named("question_remove", "unask", question_id)],
        visit.back("questions"),
    ]
    return await visit.show("\n".join(lines), rows)


async def _require(visit: Visit, question_id: str, required: str) -> None:
    questions = await _questions(visit)
    for each in questions:
        if each["id"] == question_id:
            each["required"] = required == "1"
    await _set(visit, questions)
    await _show(visit, question_id)


async def _remove(visit: Visit, question_id: str) -> None:
    await _set(visit, [each for each in await _questions(visit) if each["id"] != question_id])
    await visit.toast(visit.say("question_removed"))
    await _list(visit)


async def _kinds(visit: Visit) -> None:
    """Asks what the answers to a new question are."""
    buttons = [visit.named(f"kind_{kind}", "new", kind) for kind in KINDS]
    await visit.confirm(visit.say("kinds_ask"), [*in_rows(buttons, 1), visit.back("questions")])


async def _ask(visit: Visit, kind: str, notice: str = "") -> None:
    name = "options_ask" if kind in _WITH_OPTIONS else "question_ask"
    body = "\n\n".join(filter(None, (notice, visit.say(name))))
    await visit.ask("question", body, [visit.back("questions")], kind_of_question=kind)


async def _answer(visit: Visit) -> None:
    """Adds the question of a message: its first line, and an option on each of the others."""
    assert visit.said
    kind = visit.kept["kind_of_question"]
    label, *options = [line.strip() for line in visit.said.argument.splitlines() if line.strip()] or [""]
    has_options = kind in _WITH_OPTIONS
    if not label or (has_options and len(options) < _MIN_OPTIONS):
        return await _ask(visit, kind, visit.say("too_few_options") if label else "")
    text = label if has_options else " ".join((label, *options))
    new: dict[str, Any] = {"label": text, "kind": kind, "required": True}
    await _set(visit, [*await _questions(visit), new | ({"options": options} if has_options else {})])
    return await _list(visit, visit.say("question_added"))


ACTIONS: Handlers = {
    "questions": _list,
    "question": _show,
    "require": _require,
    "unask": _remove,
    "kinds": _kinds,
    "new": _ask,
}
ANSWERS: Handlers = {"question": _answer}
