"""The times between which people can register, and the time zone of the event."""

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from telegram import InlineKeyboardButton

from ..places import zone_of
from ..screens import in_rows
from ..when import NoSuchDayError, read_times
from ..zones import OFFERED, city_of, find, moved_to
from .fields import edit, limit_text
from .menu import show_menu
from .moments import times_of, when
from .visits import Handlers, Visit

_BEFORE: Final = (0, 60, 24 * 60)
"""The minutes before the start for which the end of the registration has a button."""
_CLOSES: Final = "registration_closes_at"
_ROW: Final = 2


async def _ask(visit: Visit, name: str, notice: str = "") -> None:
    """Asks when the registration opens or closes."""
    rows = [[visit.named(f"{name}_none", "limited", name, "none")]]
    if name == _CLOSES:
        times = [minutes for minutes in _BEFORE if _before(visit, minutes) > visit.bot.clock()]
        rows += in_rows([visit.named(f"closes_{each}", "limited", name, each) for each in times], 1)
    now = visit.say("now", value=limit_text(visit, name))
    body = "\n\n".join(filter(None, (notice, visit.say(f"{name}_ask"), now)))
    await visit.ask("limit", body, [*rows, visit.back("edit")], field=name)


def _before(visit: Visit, minutes: int) -> datetime:
    return times_of(visit.event)[0].astimezone(UTC) - timedelta(minutes=minutes)


async def _answer(visit: Visit) -> None:
    """Takes the time that a message names."""
    assert visit.said
    name, now = visit.kept["field"], visit.bot.clock()
    try:
        times = read_times(visit.said.argument, now, ZoneInfo(visit.event["timezone"]))
    except NoSuchDayError:
        return await _ask(visit, name, visit.say("no_such_day"))
    if times is None or times[0] <= now:
        return await _ask(visit, name, visit.say("no_time" if times is None else "past"))
    return await _change(visit, name, times[0])


async def _set(visit: Visit, name: str, minutes: str) -> None:
    """Takes the time of a button."""
    await _change(visit, name, None if minutes == "none" else _before(visit, int(minutes)))


async def _change(visit: Visit, name: str, value: datetime | None) -> None:
    await visit.patch(**{name: value and value.astimezone(UTC).isoformat(timespec="seconds")})
    text = f"✅ {visit.say(name)}: {limit_text(visit, name)}"
    await visit.toast(text)
    await edit(visit, "" if visit.tap else text)


async def _ask_zone(visit: Visit, notice: str = "") -> None:
    """Asks for the time zone."""
    buttons: list[InlineKeyboardButton] = [
        visit.button(city_of(zone, visit.language), "zone", zone) for zone in OFFERED[visit.language]
    ]
    now = visit.say("now", value=visit.event["timezone"])
    body = "\n\n".join(filter(None, (notice, visit.say("timezone_ask"), now)))
    await visit.ask("zone", body, [*in_rows(buttons, _ROW), visit.back("edit")])


async def _answer_zone(visit: Visit) -> None:
    """Takes the zone that a message names, or in which a place is."""
    assert visit.said
    place = visit.said.message.location
    zone = zone_of(place) if place else find(visit.said.argument)
    await (_confirm_zone(visit, zone) if zone else _ask_zone(visit, visit.say("timezone_unknown")))


async def _confirm_zone(visit: Visit, zone: str) -> None:
    """Shows what the time is then: it is another moment, of which everybody is told."""
    moved = moved_to(visit.event, zone)
    start, end = (datetime.fromisoformat(moved[each]) for each in ("start_time", "end_time"))
    body = visit.say("time_confirm", when=when(start, end, zone, visit.language))
    rows = [[visit.named("yes", "zoned", zone)], visit.back("edit")]
    await visit.ask("zone", body, rows)  # a message is another zone


async def _set_zone(visit: Visit, zone: str) -> None:
    await visit.patch(**moved_to(visit.event, zone))
    await visit.toast(visit.say("moved"))
    await show_menu(visit)


ACTIONS: Handlers = {"limit": _ask, "limited": _set, "zones": _ask_zone, "zone": _confirm_zone, "zoned": _set_zone}
ANSWERS: Handlers = {"limit": _answer, "zone": _answer_zone}
