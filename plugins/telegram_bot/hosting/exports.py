"""The list of participants as a CSV file, with their answers to the questions of the event."""

import csv
import io
import re
from http import HTTPStatus
from typing import Any, Final

from ..api import Problem
from ..pace import Priority
from .people import participants
from .visits import Handlers, Json, Visit

_MARK: Final = "\ufeff"
"""What tells spreadsheets that the file is UTF-8."""
_NAMES: Final = ("first_name", "last_name", "username")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_PAGE: Final = 1_000
_PENDING: Final = "pending"


async def _export(visit: Visit) -> None:
    """Sends the file."""
    people = await participants(visit)
    questions, answers = await _answers(visit)
    file = io.StringIO(_MARK)
    file.seek(0, io.SEEK_END)
    writer = csv.writer(file)
    writer.writerow(
        (*_NAMES, "status", "guests", "guest_names", "registered_at", *(_cell(each["label"]) for each in questions))
    )
    for each in people:
        user, given = each.get("user") or {}, answers.get(each["user_id"], {})
        status = each["status"] if each["approved"] else _PENDING
        party = (each["guests"], _cell(each["guest_names"]), each["registration_date"])
        replies = (_cell(given.get(question["id"])) for question in questions)
        writer.writerow((*(_cell(user.get(name)) for name in _NAMES), status, *party, *replies))
    await visit.toast("")
    name = re.sub(r"[^\w -]+", "", visit.event["title"]).strip()[:60] or "event"
    chat = visit.person.id
    async with visit.bot.telegram.pace.turn(chat, Priority.REPLY):
        await visit.bot.telegram.bot.send_document(chat, file.getvalue().encode(), filename=f"{name}.csv")


async def _answers(visit: Visit) -> tuple[list[Json], dict[str, Json]]:
    """Returns the questions of the event, and the answers by user: none on a server without the plugin `questions`."""
    try:
        questions: list[Json] = (await visit.get("/questions"))["questions"]
    except Problem as problem:
        if problem.status != HTTPStatus.NOT_FOUND:
            raise
        return [], {}
    answers: dict[str, Json] = {}
    cursor: str | None = None
    while questions:
        page = await visit.get("/participants/answers", limit=_PAGE, cursor=cursor)
        answers |= {each["user_id"]: each["answers"] for each in page["answers"]}
        if (cursor := page["next"]) is None:
            break
    return questions, answers


def _cell(value: Any) -> str:
    """Returns a value as a text that no spreadsheet runs as a formula."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = "; ".join(value) if isinstance(value, list) else "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) and not isinstance(value, int | float) else text


ACTIONS: Handlers = {"export": _export}
