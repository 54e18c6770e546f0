"""The main screens of the host menu, and what they do at one tap."""

from datetime import datetime
from typing import Final

from ..bot import Bot
from ..people import Person
from ..screens import Rows, in_rows
from .moments import moment, times_of, when
from .visits import Handlers, Json, Visit, is_host

_COUNTS: Final = ("waitlisted", "pending", "maybe", "declined")
_ROW: Final = 2
_PLUGINS: Final = {"questions": "questions", "broadcast": "broadcasts", "repeat": "series"}
"""The buttons that need a plugin of the server."""


async def offer(bot: Bot, person: Person, event: Json, key: str) -> None:
    """Sends the menu to a host of the event in private. Does nothing for everybody else."""
    if is_host(event):
        await show_menu(Visit(bot=bot, person=person, event=event, key=key))


async def show_menu(visit: Visit, notice: str = "") -> None:
    """Shows the menu, below what has just happened."""
    await visit.show("\n\n".join(filter(None, (notice, _state(visit)))), await _rows(visit))


def _state(visit: Visit) -> str:
    """Returns when and where the event is, and who comes."""
    event = visit.event
    seats = event["capacity"]
    counts = [visit.say("count_seats", count=event["registered_count"], capacity=seats)] if seats else []
    counts = counts or [visit.say("count_registered", count=event["registered_count"])]
    counts += [visit.say(f"count_{name}", count=n) for name in _COUNTS if (n := event[f"{name}_count"])]
    lines = [when(*times_of(event), event["timezone"], visit.language), event["location"], "", ", ".join(counts)]
    if event["status"] == "cancelled":
        lines.append(visit.say("is_cancelled"))
    else:
        lines.append(_window(visit))
    return "\n".join(line for line in lines if line is not None)


def _window(visit: Visit) -> str:
    """Returns whether people can register now, and when this changes."""
    event = visit.event
    if _is_over(visit, "registration_closes_at"):
        return visit.say("is_closed")
    if _is_early(visit):
        opens = moment(event["registration_opens_at"], event["timezone"], visit.language)
        return visit.say("is_not_open", when=opens)
    if event["registration_closes_at"]:
        closes = moment(event["registration_closes_at"], event["timezone"], visit.language)
        return visit.say("is_open_until", when=closes)
    return visit.say("is_open")


def _is_over(visit: Visit, name: str) -> bool:
    """Returns true if a time of the event is set, and over."""
    value = visit.event[name]
    return bool(value) and datetime.fromisoformat(value) <= visit.bot.clock()


def _is_early(visit: Visit) -> bool:
    """Returns true if the registration has not opened yet."""
    return bool(visit.event["registration_opens_at"]) and not _is_over(visit, "registration_opens_at")


async def _rows(visit: Visit) -> Rows:
    named, event = visit.named, visit.event
    if event["status"] == "cancelled":
        return [[named("restore", "restore"), named("copy", "time", "copy")], [named("export", "export")]]
    door = "reopen" if _is_early(visit) or _is_over(visit, "registration_closes_at") else "close"
    shown = {
        "edit": ("edit",),
        "people": ("people",),
        "share": ("share",),
        "questions": ("questions",),
        "check_in": ("list", "in", 0),
        "broadcast": ("broadcast",),
        door: (door,),
        "export": ("export",),
        "postpone": ("time", "postpone"),
        "copy": ("time", "copy"),
        "repeat": ("repeat",),
        "cancel": ("cancel",),
    }
    missing = {name for name, plugin in _PLUGINS.items() if not await visit.bot.has_plugin(plugin)}
    rows = in_rows([named(name, *data) for name, data in shown.items() if name not in missing], _ROW)
    if event["pending_count"]:
        rows.insert(0, [named("approve", "list", "ok", 0, count=event["pending_count"])])
    return rows


async def _people(visit: Visit) -> None:
    """Shows what a host can do with people."""
    named, event = visit.named, visit.event
    rows = [[named("add", "add")], [named("remove", "list", "out", 0)]]
    if event["waitlisted_count"]:
        rows.append([named("let_in", "list", "seat", 0, count=event["waitlisted_count"])])
    if event["pending_count"]:
        rows.append([named("approve", "list", "ok", 0, count=event["pending_count"])])
    rows.append([named("silent", "silent", 0)])
    await visit.show(visit.say("people_ask"), [*rows, visit.back()])


async def _close(visit: Visit) -> None:
    now = visit.bot.clock().isoformat(timespec="seconds")
    await visit.patch(registration_closes_at=now)
    await visit.toast(visit.say("closed"))
    await show_menu(visit)


async def _reopen(visit: Visit) -> None:
    opened = {"registration_opens_at": None} if _is_early(visit) else {}
    closed = {"registration_closes_at": None} if _is_over(visit, "registration_closes_at") else {}
    await visit.patch(**opened, **closed)
    await visit.toast(visit.say("reopened"))
    await show_menu(visit)


async def _cancel(visit: Visit) -> None:
    """Asks before the event is cancelled."""
    rows = [[visit.named("cancel_yes", "cancelled")], visit.back()]
    await visit.show(visit.say("cancel_ask"), rows)


async def _cancelled(visit: Visit) -> None:
    visit.event = await visit.call("POST", "/cancel")
    await visit.toast(visit.say("is_cancelled"))
    await show_menu(visit)


async def _restore(visit: Visit) -> None:
    await visit.patch(status="published")
    await visit.toast(visit.say("restored"))
    await show_menu(visit)


ACTIONS: Handlers = {
    "menu": show_menu,
    "people": _people,
    "close": _close,
    "reopen": _reopen,
    "cancel": _cancel,
    "cancelled": _cancelled,
    "restore": _restore,
}
