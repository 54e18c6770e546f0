"""`/calendar`: an event as a calendar file, and the address of a feed with all of them."""

import re
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, InputFile

from .bot import Bot
from .event_lists import Entry, Page, events_of, page, turn_to
from .pace import Priority
from .people import Person
from .private import in_private
from .router import Feature, Said, Tap
from .texts import say

_NOWHERE: Final = ".invalid"
"""The end of the host name of a server that does not know its own public address."""
_UNSAFE: Final = re.compile(r"[^\w-]+")


async def _calendar(said: Said) -> None:
    if said.argument:
        await _send_file(said.bot, said.person, said.argument.split()[0])
        return
    shown = await _page(said.bot, said.person, 0)
    await said.reply(shown.text, **shown.message)


async def _turn(tap: Tap) -> None:
    await turn_to(tap, await _page(tap.bot, tap.person, int(tap.argument)))


async def _page(bot: Bot, person: Person, offset: int) -> Page:
    language = person.language
    found = await events_of(bot, person)
    feed = [InlineKeyboardButton(say(language, "calendar.get_feed"), callback_data="if:")]
    if not found:
        return Page(text=say(language, "calendar.none"), entities=[], keyboard=InlineKeyboardMarkup([feed]))
    zone, _ = await bot.zone(None, person)
    entries = [
        Entry(code=each["code"], title=each["title"], start=datetime.fromisoformat(each["start_time"]), zone=zone)
        for each in found
    ]
    heading = say(language, "calendar.choose")
    return page(heading, entries, offset, language, bot.clock(), tap="ic", turn="ip", rows=[feed])


async def _file(tap: Tap) -> None:
    await tap.toast()
    await _send_file(tap.bot, tap.person, tap.argument)


async def _send_file(bot: Bot, person: Person, code: str) -> None:
    """Sends an event as a file that calendar programs open."""
    event = await bot.api.get(f"/events/{code}", person)
    text: str = await bot.api.get(f"/events/{event['id']}/event.ics", person)
    name = _UNSAFE.sub("_", event["title"]).strip("_")[:40] or event["code"]
    file = InputFile(text.encode(), filename=f"{name}.ics")
    async with bot.telegram.pace.turn(person.id, Priority.REPLY):
        await bot.telegram.bot.send_document(person.id, file, caption=say(person.language, "calendar.file"))


async def _ask_feed(tap: Tap) -> None:
    """Asks first: another address ends the one that a calendar program may use."""
    language = tap.person.language
    button = InlineKeyboardButton(say(language, "calendar.yes"), callback_data="iu:")
    await tap.toast()
    await tap.bot.telegram.send(
        tap.person.id, say(language, "calendar.feed_ask"), keyboard=InlineKeyboardMarkup([[button]])
    )


async def _feed(tap: Tap) -> None:
    bot, language = tap.bot, tap.person.language
    made = await bot.api.call("POST", "/users/me/calendar", tap.person, key=tap.key)
    await tap.toast()
    if (urlsplit(made["url"]).hostname or "").endswith(_NOWHERE):
        await bot.api.call("DELETE", "/users/me/calendar", tap.person)
        words = say(language, "calendar.no_address")
    else:
        words = say(language, "calendar.feed", url=made["url"])
    await bot.telegram.edit(words, chat=tap.chat, message=tap.message_id)


FEATURE = Feature(
    commands={"calendar": in_private(_calendar)}, taps={"ic": _file, "ip": _turn, "if": _ask_feed, "iu": _feed}
)
