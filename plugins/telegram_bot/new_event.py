"""`/new`: an event from one message. Without one, a dialog in private."""

from typing import Any
from zoneinfo import ZoneInfo

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from . import group_links, zones
from .drafting import begin
from .hosting.fields import MAX_GUESTS
from .router import Feature, Said
from .texts import say
from .when import Draft, NoSuchDayError, read


async def _new(said: Said) -> None:
    language = said.person.language
    if not said.argument:
        await (begin(said) if said.is_private else _refuse(said, say(language, "new.usage")))
        return
    zone, is_chosen = await said.bot.zone(said.chat, said.person)
    try:
        draft = read(said.argument, said.bot.clock(), ZoneInfo(zone))
    except NoSuchDayError:
        await _refuse(said, say(language, "new.no_such_day"))
        return
    if draft.is_past:
        await _refuse(said, say(language, "new.past"), draft.title)
    elif draft.start is None:
        await _refuse(said, say(language, "new.no_time", title=draft.title[:100]), draft.title)
    elif not draft.title:
        await _refuse(said, say(language, "new.no_title"))
    else:
        event = await create(said, draft, zone)
        if not is_chosen:
            await zones.ask(said, zone, event["code"])


async def _refuse(said: Said, text: str, title: str = "") -> None:
    """Says what is missing. In a group, a button leads to the dialog in private, which knows the title if there is
    one, and posts the card into the group."""
    if said.is_private:
        await said.reply(text)
        return
    await said.bot.keep(said.person, new_title=title or None)
    link = group_links.link_to(said.bot, group_links.Group(chat=said.chat, thread=said.thread))
    button = InlineKeyboardButton(say(said.person.language, "new.in_private"), url=link)
    await said.reply(text, keyboard=InlineKeyboardMarkup([[button]]))


async def create(said: Said, draft: Draft, zone: str) -> dict[str, Any]:
    """Creates an event and posts its card in the chat. Returns the event. Raises `Problem`."""
    event: dict[str, Any] = await said.bot.api.call(
        "POST", "/events", said.person, json=body_of(draft, zone), key=f"telegram:{said.update_id}"
    )
    language = await said.bot.chat_language(said.chat, said.person)
    await said.bot.cards.post(said.chat, event["id"], language, said.person, thread=said.thread)
    return event


def body_of(draft: Draft, zone: str) -> dict[str, Any]:
    """Returns a draft with a title and times, as `POST /events` takes it."""
    assert draft.start
    assert draft.end
    return {
        "title": draft.title,
        "start_time": draft.start.isoformat(timespec="seconds"),
        "end_time": draft.end.isoformat(timespec="seconds"),
        "timezone": zone,
        "location": draft.location,
        "capacity": draft.capacity,
        "visibility": "unlisted",
        "waitlist": draft.has_waitlist,
        "max_guests": MAX_GUESTS if draft.max_guests is None else draft.max_guests,
    }


FEATURE = Feature(commands={"new": _new})
