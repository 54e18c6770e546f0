"""Lists of people with a button for each: whom to approve, let in, check in, or remove. Long ones have pages."""

from collections.abc import Callable, Sequence
from http import HTTPMethod
from typing import Any, Final

from msgspec import Struct
from telegram import InlineKeyboardButton

from ..api import Problem
from ..people import name_of
from ..screens import Rows
from .visits import Handlers, Json, Visit

PAGE: Final = 8
_SEATED: Final = ("registered", "attended")


class Listing(Struct, frozen=True):
    """A list: who is in it, and what the buttons beside a name do."""

    text: str
    holds: Callable[[Json], bool]
    buttons: Callable[[Visit, Json, int], Sequence[InlineKeyboardButton]]
    back: str = "people"


class Step(Struct, frozen=True):
    """What a tap on a name sends, and the list that it came from."""

    listing: str
    method: HTTPMethod
    body: dict[str, Any] | None = None
    parameters: dict[str, Any] = {}


def _is_pending(each: Json) -> bool:
    return not each["approved"] and each["status"] == "waitlisted"


def _is_waiting(each: Json) -> bool:
    return bool(each["approved"]) and each["status"] == "waitlisted"


def _pending_buttons(visit: Visit, each: Json, page: int) -> Sequence[InlineKeyboardButton]:
    user = each["user_id"]
    return (visit.button(f"✅ {name_of(each)}", "do", "ok", page, user), visit.button("✖️", "do", "no", page, user))


def _check_in_buttons(visit: Visit, each: Json, page: int) -> Sequence[InlineKeyboardButton]:
    is_in = each["status"] == "attended"
    mark, step = ("☑️", "un") if is_in else ("▫️", "in")
    return (visit.button(f"{mark} {name_of(each)}", "do", step, page, each["user_id"]),)


def _waiting_buttons(visit: Visit, each: Json, page: int) -> Sequence[InlineKeyboardButton]:
    label = f"{each['waitlist_position']}. {name_of(each)}"
    return (visit.button(label, "do", "seat", page, each["user_id"]),)


def _removal_buttons(visit: Visit, each: Json, page: int) -> Sequence[InlineKeyboardButton]:
    return (visit.button(name_of(each), "out", page, each["user_id"]),)


LISTS: Final = {
    "ok": Listing("approve_list", _is_pending, _pending_buttons),
    "seat": Listing("let_in_list", _is_waiting, _waiting_buttons),
    "out": Listing("remove_list", lambda _: True, _removal_buttons),
    "in": Listing("check_in_list", lambda each: each["status"] in _SEATED, _check_in_buttons, "menu"),
}
STEPS: Final = {
    "ok": Step("ok", HTTPMethod.PATCH, {"approved": True}),
    "no": Step("ok", HTTPMethod.DELETE),
    "seat": Step("seat", HTTPMethod.PATCH, {"status": "registered"}),
    "more": Step("seat", HTTPMethod.PATCH, {"status": "registered", "raise_capacity": True}),
    "in": Step("in", HTTPMethod.PATCH, {"status": "attended"}),
    "un": Step("in", HTTPMethod.PATCH, {"status": "registered"}),
    "out": Step("out", HTTPMethod.DELETE),
    "ban": Step("out", HTTPMethod.DELETE, parameters={"block": "true"}),
}


async def participants(visit: Visit) -> list[Json]:
    """Returns everybody who is registered, waiting or pending, in the order of registration. Raises `Problem`."""
    found: list[Json] = (await visit.get("/participants", expand="user"))["participants"]
    return found


async def _list(visit: Visit, name: str, page: str = "0") -> None:
    """Shows a page of a list."""
    listing = LISTS[name]
    people = [each for each in await participants(visit) if listing.holds(each)]
    pages = max(1, -(-len(people) // PAGE))
    at = min(int(page), pages - 1)
    rows = [list(listing.buttons(visit, each, at)) for each in people[at * PAGE : (at + 1) * PAGE]]
    if pages > 1:
        rows.append(turning(visit, at, pages, "list", name))
    body = visit.say(listing.text) if people else visit.say("nobody")
    if name == "in" and people:
        body += "\n" + visit.say("checked_in", count=sum(each["status"] == "attended" for each in people))
    await visit.show(body, [*rows, visit.back(listing.back)])


def turning(visit: Visit, page: int, pages: int, *data: object) -> list[InlineKeyboardButton]:
    """Returns a row of buttons that turn the pages of a list: round the end to the first."""
    before, after = (page - 1) % pages, (page + 1) % pages
    return [
        visit.button("‹", *data, before),
        visit.button(f"{page + 1}/{pages}", *data, page),
        visit.button("›", *data, after),
    ]


async def _do(visit: Visit, name: str, page: str, user_id: str) -> None:
    """Does what a tap on a name means, says so, and shows the list again."""
    step = STEPS[name]
    try:
        await visit.call(step.method, f"/participants/{user_id}", step.body, **step.parameters)
    except Problem as problem:
        if name != "seat" or problem.code != "event_full":
            raise
        rows: Rows = [[visit.named("let_in_yes", "do", "more", page, user_id)], visit.back("list", "seat", page)]
        return await visit.show(visit.say("let_in_full"), rows)
    await visit.toast(visit.say(f"done_{name}"))
    return await _list(visit, step.listing, page)


async def _remove(visit: Visit, page: str, user_id: str) -> None:
    """Asks before somebody is removed."""
    people = [each for each in await participants(visit) if each["user_id"] == user_id]
    name = name_of(people[0]) if people else "?"
    rows: Rows = [[visit.named("remove_yes", "do", "out", page, user_id)]]
    if people and not (people[0].get("user") or {}).get("name_only"):
        rows.append([visit.named("block_yes", "do", "ban", page, user_id)])
    await visit.show(visit.say("remove_ask", name=name), [*rows, visit.back("list", "out", page)])


ACTIONS: Handlers = {"list": _list, "do": _do, "out": _remove}
