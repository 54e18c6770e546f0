"""Who has not answered: of those who came last time, to the event before in the series, or to the one copied from."""

from typing import Final

from telegram import InlineKeyboardButton, MessageEntity

from ..api import Problem
from ..people import name_of
from ..state import EVENT
from ..texts import units
from .people import turning
from .visits import Handlers, Json, Visit

PAGE: Final = 30
_CAME: Final = ("registered", "attended")


async def _before(visit: Visit) -> str | None:
    """Returns the ID of the event before this one, or None."""
    try:
        series = await visit.get("/series")
        found = await visit.bot.api.get(f"/series/{series['id']}/events", visit.person, limit=1000)
    except Problem as problem:
        if problem.is_passing:
            raise
        return (await visit.bot.state.get(EVENT, visit.id)).get("copied_from")
    earlier = [
        each
        for each in found["events"]
        if each["start_time"] < visit.event["start_time"] and each["status"] == "published"
    ]
    return str(earlier[-1]["id"]) if earlier else None


async def _silent(visit: Visit) -> list[Json] | None:
    """Returns the people who came before and have not answered. None: there is no event before this one."""
    before = await _before(visit)
    if before is None:
        return None
    try:
        found = await visit.bot.api.get(f"/events/{before}/participants", visit.person, expand="user")
    except Problem as problem:
        if problem.is_passing:
            raise
        return None  # deleted, or of other hosts
    answered = {each["user_id"] for each in await _answers(visit)}
    return [each for each in found["participants"] if each["status"] in _CAME and each["user_id"] not in answered]


async def _answers(visit: Visit) -> list[Json]:
    found: list[Json] = []
    cursor: str | None = None
    while True:
        page = await visit.get("/rsvps", limit=1000, cursor=cursor)
        found += page["rsvps"]
        if (cursor := page["next"]) is None:
            return found


async def _show(visit: Visit, page: str = "0") -> None:
    """Shows a page of names. A tap on a name opens the chat with the person."""
    people = await _silent(visit)
    if not people:
        await visit.show(visit.say("nobody_before" if people is None else "all_answered"), [visit.back("people")])
        return
    pages = -(-len(people) // PAGE)
    at = min(int(page), pages - 1)
    body = visit.say("silent_list", count=len(people)) + "\n"
    marks: list[MessageEntity] = []
    for each in people[at * PAGE : (at + 1) * PAGE]:
        name = name_of({"user": each.get("user")})
        if telegram_id := (each.get("user") or {}).get("telegram_id"):
            link = f"tg://user?id={telegram_id}"
            marks.append(MessageEntity("text_link", units(f"{body}\n• "), units(name), url=link))
        body += f"\n• {name}"
    rows: list[list[InlineKeyboardButton]] = [turning(visit, at, pages, "silent")] if pages > 1 else []
    await visit.show(body, [*rows, visit.back("people")], entities=marks)


ACTIONS: Handlers = {"silent": _show}
