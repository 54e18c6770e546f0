"""`/my`: what a person hosts, goes to, or may go to. `/events`: what is on in a group, or for everybody."""

import asyncio
from datetime import datetime
from typing import Any

from telegram import InlineKeyboardButton

from .bot import Bot
from .dates import begun
from .event_lists import READ, Entry, Page, entry, events_of, page, turn_to
from .people import Person
from .private import in_private
from .router import Feature, Said, Tap
from .state import CHAT
from .texts import say


async def _my(said: Said) -> None:
    shown = await _my_page(said.bot, said.person, 0)
    await said.reply(shown.text, **shown.message)


async def _turn_my(tap: Tap) -> None:
    await turn_to(tap, await _my_page(tap.bot, tap.person, int(tap.argument)))


async def _my_page(bot: Bot, person: Person, offset: int) -> Page:
    language = person.language
    found = await _events_of(bot, person)
    if not found:
        return Page(text=say(language, "lists.none_mine"), entities=[], keyboard=None)
    zone, is_chosen = await bot.zone(None, person)
    entries = [
        Entry(
            code=each["code"],
            title=each["title"],
            start=datetime.fromisoformat(each["start_time"]),
            zone=zone,
            note=_note(each, language) if is_chosen else f"{zone} · {_note(each, language)}",
        )
        for each in found
    ]
    share = InlineKeyboardButton(say(language, "lists.share"), switch_inline_query="")
    heading = say(language, "lists.mine")
    now = bot.clock()
    return page(heading, entries, offset, language, now, tap="show", turn="im", rows=[[share]])


async def _events_of(bot: Bot, person: Person) -> list[dict[str, Any]]:
    """Returns the events of a person by start time, with those that the person has answered maybe. Raises `Problem`."""
    own, undecided = await asyncio.gather(events_of(bot, person), bot.maybes.find(person))
    found = {each["id"]: each | {"event_status": each["status"], "status": "maybe"} for each in undecided}
    found = {each["id"]: each for each in own} | found
    return sorted(found.values(), key=lambda each: (each["start_time"], each["id"]))


def _note(event: dict[str, Any], language: str) -> str:
    """Returns what a person is in an event."""
    names = []
    if event["role"] in ("organizer", "host"):
        names.append("host")
    if event["event_status"] == "draft":
        names.append("draft")
    if event["status"]:
        names.append(event["status"])
    return ", ".join(say(language, f"lists.is_{name}") for name in names)


async def _events(said: Said) -> None:
    shown = await _events_page(said.bot, said.chat, said.person, 0)
    await said.reply(shown.text, **shown.message)


async def _turn_events(tap: Tap) -> None:
    chat = tap.chat or tap.person.id
    await turn_to(tap, await _events_page(tap.bot, chat, tap.person, int(tap.argument)))


async def _events_page(bot: Bot, chat: int, person: Person, offset: int) -> Page:
    language = await bot.chat_language(chat, person)
    is_group = chat < 0
    found = await _events_in(bot, chat) if is_group else await _public_events(bot)
    where = "here" if is_group else "public"
    if not found:
        return Page(text=say(language, f"lists.none_{where}"), entities=[], keyboard=None)
    heading = say(language, f"lists.{where}")
    return page(heading, [entry(each) for each in found], offset, language, bot.clock(), tap="show", turn="ie")


async def _events_in(bot: Bot, chat: int) -> list[dict[str, Any]]:
    """Returns the events whose cards are in a group, also from before it became a supergroup."""
    since = begun(bot.clock())
    chats = [chat, (await bot.state.get(CHAT, chat)).get("moved_from")]
    found: dict[str, dict[str, Any]] = {}
    for each in filter(None, chats):
        wish = {"chat_id": str(each), "limit": READ, "from": since}
        events = await bot.api.call("GET", "/placements/events", params=wish)
        found |= {event["id"]: event for event in events["events"] if event["status"] == "published"}
    return sorted(found.values(), key=lambda event: str(event["start_time"]))


async def _public_events(bot: Bot) -> list[dict[str, Any]]:
    wish = {"limit": READ, "status": "published", "from": begun(bot.clock())}
    found = await bot.api.call("GET", "/events", params=wish)
    return [each for each in found["events"] if each["visibility"] == "public"]


FEATURE = Feature(commands={"my": in_private(_my), "events": _events}, taps={"im": _turn_my, "ie": _turn_events})
