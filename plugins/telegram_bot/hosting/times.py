"""New times: of the event, of a postponed one, of a copy. What a host writes is shown back before it counts."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from ..state import EVENT
from ..when import NoSuchDayError, read_times
from .menu import offer, show_menu
from .moments import times_of, when
from .visits import Handlers, Json, Visit


async def _ask(visit: Visit, purpose: str, notice: str = "") -> None:
    """Asks for a time."""
    event = visit.event
    now = visit.say("now", value=when(*times_of(event), event["timezone"], visit.language))
    rows = [visit.back("edit" if purpose == "time" else "menu")]
    if purpose == "copy":
        weekly = _next_week(visit)
        label = visit.say("next_week", when=when(*weekly, event["timezone"], visit.language).partition(" – ")[0])
        rows.insert(0, [visit.button(label, "moved", purpose, *(int(each.timestamp()) for each in weekly))])
    body = "\n\n".join(filter(None, (notice, visit.say(f"{purpose}_ask"), now)))
    await visit.ask("time", body, rows, purpose=purpose)


def _next_week(visit: Visit) -> tuple[datetime, datetime]:
    """Returns the times of the event in the first week in which they are still to come, by the clock on the wall."""
    return next_week(*times_of(visit.event), visit.bot.clock())


def next_week(start: datetime, end: datetime, now: datetime) -> tuple[datetime, datetime]:
    """Returns times moved by weeks, one at least, until they are to come."""
    weeks = max(1, (now - start) // timedelta(weeks=1) + 1)
    return start + timedelta(weeks=weeks), end + timedelta(weeks=weeks)


async def _answer(visit: Visit) -> None:
    """Shows back the time that a message names."""
    assert visit.said
    purpose, zone = visit.kept["purpose"], visit.event["timezone"]
    now = visit.bot.clock()
    try:
        times = read_times(visit.said.argument, now, ZoneInfo(zone), times_of(visit.event))
    except NoSuchDayError:
        return await _ask(visit, purpose, visit.say("no_such_day"))
    if times is None or times[0] <= now:
        return await _ask(visit, purpose, visit.say("no_time" if times is None else "past"))
    body = visit.say(f"{purpose}_confirm", when=when(*times, zone, visit.language))
    yes = visit.named("yes", "moved", purpose, *(int(each.timestamp()) for each in times))
    rows = [[yes], [visit.named("another_time", "time", purpose)], visit.back()]
    return await visit.ask("time", body, rows, purpose=purpose)  # a message is another time


async def _moved(visit: Visit, purpose: str, start: str, end: str) -> None:
    times = [datetime.fromtimestamp(int(each), UTC) for each in (start, end)]
    await _PURPOSES[purpose](visit, *(each.isoformat(timespec="seconds") for each in times))


async def _move(visit: Visit, start: str, end: str) -> None:
    await visit.patch(start_time=start, end_time=end)
    await visit.toast(visit.say("moved"))
    await show_menu(visit)


async def _postpone(visit: Visit, start: str, end: str) -> None:
    """Moves the event and asks everybody again."""
    made = await visit.call("POST", "/postpone", {"start_time": start, "end_time": end})
    visit.event = await visit.get()
    await visit.toast(visit.say("moved"))
    await show_menu(visit, visit.say("asked_again", count=made["asked"]))


async def make_copy(visit: Visit, start: str, end: str) -> Json:
    """Makes the same event at another time, and shows its card and its menu. Returns the copy."""
    copy: Json = await visit.call("POST", "/copy", {"start_time": start, "end_time": end})
    await visit.bot.state.update(EVENT, copy["id"], copied_from=visit.id)
    await visit.toast(visit.say("copied"))
    await visit.bot.cards.post(visit.person.id, copy["id"], visit.language, visit.person)
    await offer(visit.bot, visit.person, copy, visit.key)
    return copy


_PURPOSES: Final[dict[str, Callable[[Visit, str, str], Awaitable[object]]]] = {
    "time": _move,
    "postpone": _postpone,
    "copy": make_copy,
}
ACTIONS: Handlers = {"time": _ask, "moved": _moved}
ANSWERS: Handlers = {"time": _answer}
