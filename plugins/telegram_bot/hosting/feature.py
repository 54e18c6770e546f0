"""Finds the handler of a button of the host menu, and of a message that the menu has asked for."""

from typing import Final

from ..api import Problem
from ..router import Feature, Said, Tap
from ..state import DIALOG
from ..texts import say
from . import adding, asked, asking, exports, fields, inviting, menu, messages, people, repeating, silent, times, window
from .visits import BUTTONS, KIND, PREFIX, Handler, Visit, event_for

_MODULES: Final = (
    *(menu, fields, times, window, people, adding, asked, messages),
    *(exports, inviting, asking, silent, repeating),
)
ACTIONS: Final[dict[str, Handler]] = {name: act for module in _MODULES for name, act in module.ACTIONS.items()}
ANSWERS: Final[dict[str, Handler]] = {
    name: act for module in (fields, times, window, adding, messages, asking) for name, act in module.ANSWERS.items()
}


async def _tap(tap: Tap) -> None:
    code, _, rest = tap.argument.partition(":")
    action, *arguments = rest.split(":")
    handle = ACTIONS.get(action)
    if handle is None:
        return await tap.toast(say(tap.person.language, "errors.unknown_button"))
    event = await event_for(tap.bot, tap.person, code)
    dialog = await tap.bot.state.get(DIALOG, tap.person.id)
    is_waiting = dialog.get("kind") == KIND
    kept = dialog if is_waiting and dialog["code"] == event["code"] else {}
    visit = Visit(bot=tap.bot, person=tap.person, event=event, key=tap.key, tap=tap, kept=kept)
    await handle(visit, *arguments)
    if is_waiting and not visit.is_asking:
        await tap.bot.state.set(DIALOG, tap.person.id, {})
    return None


async def _text(said: Said) -> bool:
    """Passes a message to the question that waits for it."""
    kept = await said.bot.state.get(DIALOG, said.person.id)
    if kept.get("kind") != KIND:
        return False
    if kept["answer"] == BUTTONS:
        await said.reply(say(said.person.language, "questions.use_buttons"))
        return True
    if (handle := ANSWERS.get(kept["answer"])) is None:
        return False
    try:
        event = await event_for(said.bot, said.person, kept["code"])
    except Problem as problem:
        if not problem.is_passing:  # the event is deleted, or the person is no host any more
            await said.bot.state.set(DIALOG, said.person.id, {})
        raise
    key = f"telegram:{said.update_id}"
    visit = Visit(bot=said.bot, person=said.person, event=event, key=key, said=said, kept=kept)
    await handle(visit)
    if not visit.is_asking:
        await said.bot.state.set(DIALOG, said.person.id, {})
    return True


async def _cancel(said: Said) -> None:
    """Ends what waits for a message, whichever dialog it is."""
    is_waiting = bool(await said.bot.state.get(DIALOG, said.person.id))
    await said.bot.state.set(DIALOG, said.person.id, {})
    await said.reply(say(said.person.language, "host.stopped" if is_waiting else "host.nothing_to_stop"))


FEATURE = Feature(commands={"cancel": _cancel}, taps={PREFIX: _tap}, texts=(_text,))
