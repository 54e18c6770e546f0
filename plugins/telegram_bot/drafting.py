"""`/new` without more, in private: what begins the dialog, and what each message and each button does in it."""

import json
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from . import zones
from .bot import Bot
from .draft_dialog import DEFAULTS, KIND, PREFIX, STEPS, Dialog
from .group_links import Group
from .hosting import menu
from .hosting.fields import FIELDS, Unclear
from .hosting.times import make_copy
from .hosting.visits import Visit, event_for
from .people import Person
from .router import Feature, Said, Tap
from .screens import show
from .state import DIALOG, PERSON
from .texts import say
from .when import NoSuchDayError, read_length, read_times

_MAX_TITLE: Final = 200


async def begin(said: Said, group: Group | None = None) -> None:
    """Begins the dialog, for an event whose card also goes into a group if one is given."""
    dialog = Dialog(bot=said.bot, person=said.person, group=group, update_id=said.update_id)
    title = (await said.bot.state.get(PERSON, said.person.id)).get("new_title") if group else None
    if title:
        dialog.take("title", title[:_MAX_TITLE])
    await dialog.go("when" if title else "title")


def _resume(bot: Bot, person: Person, kept: dict[str, Any], tap: Tap | None = None) -> Dialog:
    """Returns the dialog that is kept."""
    group = msgspec.convert(kept["group"], Group) if "group" in kept else None
    return Dialog(bot=bot, person=person, step=kept["step"], values=kept["values"], group=group, tap=tap)


async def _text(said: Said) -> bool:
    """Takes a message as the answer to the question of the step."""
    kept = await said.bot.state.get(DIALOG, said.person.id)
    if kept.get("kind") != KIND:
        return False
    dialog = _resume(said.bot, said.person, kept)
    dialog.update_id = said.update_id
    text = said.argument.strip()
    if kept.get("update") == said.update_id or not text:  # the same message again, or a picture
        await dialog.ask()
    elif dialog.step == "title":
        dialog.take("title", text[:_MAX_TITLE])
        await dialog.advance()
    elif dialog.step in ("when", "sure"):
        await _take_time(dialog, text)
    elif dialog.step == "length":
        length = read_length(text)
        if length is None:
            await dialog.ask(say(dialog.language, "host.no_number"))
        else:
            dialog.take("length", int(length.total_seconds()) // 60)
            await dialog.advance()
    elif (parse := FIELDS[dialog.step].parse if dialog.step in FIELDS else None) is not None:
        try:
            dialog.take(dialog.step, parse(text))
        except Unclear:
            await dialog.ask(say(dialog.language, "host.no_number"))
        else:
            await dialog.advance()
    else:
        await dialog.ask(dialog.say("tap"))
    return True


async def _take_time(dialog: Dialog, text: str) -> None:
    """Shows back the time that a message names."""
    now = dialog.bot.clock()
    try:
        times = read_times(text, now, ZoneInfo((await dialog.zone())[0]))
    except NoSuchDayError:
        await dialog.ask(say(dialog.language, "host.no_such_day"))
        return
    if times is None or times[0] <= now:
        await dialog.ask(say(dialog.language, "host.no_time" if times is None else "host.past"))
        return
    dialog.values |= {
        name: each.isoformat(timespec="seconds") for name, each in zip(("start", "end"), times, strict=True)
    }
    await dialog.go("sure")


async def _tap(tap: Tap) -> None:
    action, _, rest = tap.argument.partition(":")
    kept = await tap.bot.state.get(DIALOG, tap.person.id)
    if kept.get("kind") != KIND:
        return await tap.toast(say(tap.person.language, "errors.unknown_button"))
    dialog = _resume(tap.bot, tap.person, kept, tap)
    if action == "stop":
        await dialog.forget()
        return await show(dialog.bot, dialog.person, dialog.say("stopped"), [], tap=tap)
    if action == "again":
        return await _again(dialog, *rest.split(":"))
    if action == "create":
        return await _create(dialog)
    step, _, value = rest.partition(":")
    if STEPS.index(step) > STEPS.index(dialog.step):  # a button of a question that was taken back
        return await dialog.ask()
    dialog.step = step
    if action == "back":
        return await dialog.back()
    default = dialog.length if step == "length" else DEFAULTS.get(step)
    dialog.take(step, json.loads(value) if action == "set" else default)
    return await dialog.advance()


async def _create(dialog: Dialog) -> None:
    """Makes the event, and shows its card and its menu."""
    assert dialog.tap
    if dialog.step != "done":
        return await dialog.ask()
    zone, is_chosen = await dialog.zone()
    event = await dialog.bot.api.call("POST", "/events", dialog.person, json=dialog.body(zone), key=dialog.tap.key)
    await show(dialog.bot, dialog.person, dialog.say("created", title=event["title"]), [], tap=dialog.tap)
    person = dialog.person
    await dialog.bot.cards.post(person.id, event["id"], dialog.language, person)
    await dialog.post(event["id"])
    if not is_chosen:
        await zones.note_question(dialog.bot, person.id, person, event["code"])
        text = say(dialog.language, "zones.ask", zone=zone)
        await dialog.bot.telegram.send(person.id, text, keyboard=zones.offer(dialog.language, event["code"]))
    await menu.offer(dialog.bot, person, event, dialog.tap.key)
    await dialog.forget()  # last, so that nothing is left out if the bot ends here: Telegram sends the tap again
    return None


async def _again(dialog: Dialog, code: str, start: str, end: str) -> None:
    """Makes an event again."""
    assert dialog.tap
    event = await event_for(dialog.bot, dialog.person, code)
    times = (datetime.fromtimestamp(int(each), UTC).isoformat(timespec="seconds") for each in (start, end))
    await show(dialog.bot, dialog.person, dialog.say("created", title=event["title"]), [], tap=dialog.tap)
    copy = await make_copy(Visit(bot=dialog.bot, person=dialog.person, event=event, key=dialog.tap.key), *times)
    await dialog.post(copy["id"])
    await dialog.forget()


FEATURE: Final = Feature(taps={PREFIX: _tap}, texts=(_text,))
