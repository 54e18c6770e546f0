"""Time zones: `/timezone`, and the question about the zone after an event that was made without knowing it."""

import re
from datetime import datetime
from functools import cache
from http import HTTPStatus
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from babel.dates import get_timezone_location
from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from .api import Problem
from .bot import Bot
from .people import Person
from .router import Feature, Said, Tap
from .settings import is_zone
from .state import CHAT, PERSON
from .texts import say

OFFERED: Final = {
    "ru": (
        *("Europe/Kaliningrad", "Europe/Moscow", "Europe/Samara", "Asia/Yekaterinburg", "Asia/Omsk"),
        *("Asia/Krasnoyarsk", "Asia/Irkutsk", "Asia/Yakutsk", "Asia/Vladivostok", "Europe/Minsk"),
        *("Asia/Almaty", "Asia/Tbilisi"),
    ),
    "en": (
        *("Europe/London", "Europe/Berlin", "Europe/Athens", "Europe/Moscow", "Asia/Dubai", "Asia/Kolkata"),
        *("Asia/Singapore", "Australia/Sydney", "America/New_York", "America/Chicago", "America/Denver"),
        "America/Los_Angeles",
    ),
}
_CONTINENTS: Final = ("Africa/", "America/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")
_ROW: Final = 2
_KEPT: Final = 10
"""Of how many events in a chat the bot remembers that it has asked for the zone."""
TAP: Final = "z"


async def set_zone(bot: Bot, chat: int, person: Person, zone: str, key: str) -> str:
    """Sets the zone of a group, or of a person in private, moves the events for which the person was asked there, and
    returns what to say about it."""
    if chat < 0:
        await bot.state.update(CHAT, chat, timezone=zone)
        words = say(await bot.chat_language(chat, person), "zones.set_chat", zone=zone)
    else:
        await bot.keep(person, timezone=zone)
        await bot.api.call("PATCH", "/users/me", person, json={"timezone": zone})
        words = say(person.language, "zones.set_person", zone=zone)
    return "\n".join([words, *await _move_asked(bot, chat, person, zone, key)])


async def _move_asked(bot: Bot, chat: int, person: Person, zone: str, key: str) -> list[str]:
    """Moves the events for which the person was asked in a chat, and that still have the zone of then. Returns what is
    wrong with those that cannot be moved."""
    asked = await _asked(bot, person)
    problems = []
    for code in asked.pop(str(chat), ()):
        try:
            event = await bot.api.get(f"/events/{code}", person)
            if event["timezone"] == bot.settings.timezone != zone:
                await _move(bot, person, event, zone, f"{key}:{code}")
        except Problem as problem:
            if problem.is_passing:
                raise
            if problem.status != HTTPStatus.NOT_FOUND:
                problems.append(problem.text or problem.code)
    await bot.keep(person, zone_asked=asked or None)
    return problems


async def _asked(bot: Bot, person: Person) -> dict[str, list[str]]:
    asked: dict[str, list[str]] = (await bot.state.get(PERSON, person.id)).get("zone_asked") or {}
    return asked


async def note_question(bot: Bot, chat: int, person: Person, code: str) -> None:
    """Remembers that the person is asked for the zone of an event: a command or a place can be the answer."""
    asked = await _asked(bot, person)
    codes = [each for each in asked.get(str(chat), ()) if each != code]
    await bot.keep(person, zone_asked=asked | {str(chat): [*codes, code][-_KEPT:]})


async def ask(said: Said, zone: str, code: str = "") -> None:
    """Asks for the zone. If a code is given, the answer moves that event to the same time of day in the zone."""
    language = await said.bot.chat_language(said.chat, said.person)
    if code:
        await note_question(said.bot, said.chat, said.person, code)
    await said.reply(say(language, "zones.ask", zone=zone), keyboard=offer(language, code))


def offer(language: str, code: str = "") -> InlineKeyboardMarkup:
    """Returns a button for each zone that is offered."""
    buttons = [
        InlineKeyboardButton(city_of(zone, language), callback_data=f"{TAP}:{zone}:{code}")
        for zone in OFFERED[language]
    ]
    return InlineKeyboardMarkup([buttons[at : at + _ROW] for at in range(0, len(buttons), _ROW)])


async def _timezone(said: Said) -> None:
    zone = find(said.argument)
    if zone:
        key = f"telegram:{said.update_id}"
        await said.reply(await set_zone(said.bot, said.chat, said.person, zone, key))
    elif said.argument:
        await said.reply(say(said.person.language, "zones.unknown", zone=said.argument[:100]))
    else:
        known, is_chosen = await said.bot.zone(said.chat, said.person)
        if not is_chosen:
            return await ask(said, known)
        language = await said.bot.chat_language(said.chat, said.person)
        words = say(language, "zones.set_person" if said.is_private else "zones.set_chat", zone=known)
        await said.reply(f"{words} {say(language, 'zones.choose')}", keyboard=offer(language))
    return None


def find(text: str) -> str | None:
    """Returns the zone that a text names, by its whole name or by its city, or None."""
    wanted = text.strip().replace(" ", "_")
    if not wanted:
        return None
    if "/" in wanted or wanted.upper() == "UTC":
        spelled = (
            "UTC" if wanted.upper() == "UTC" else "/".join(part[:1].upper() + part[1:] for part in wanted.split("/"))
        )
        return next((each for each in (wanted, spelled) if is_zone(each)), None)
    return _cities().get(_folded(text))


def city_of(zone: str, language: str) -> str:
    """Returns the city of a zone in a language."""
    return get_timezone_location(zone, locale=language, return_city=True)


def _folded(city: str) -> str:
    return " ".join(re.split(r"[\s_-]+", city.strip().casefold().replace("ё", "е")))


@cache
def _cities() -> dict[str, str]:
    """Returns the zones by their cities in every language: those that are offered before others."""
    offered = [zone for zones in OFFERED.values() for zone in zones]
    others = sorted(zone for zone in available_timezones() if zone.startswith(_CONTINENTS))
    cities: dict[str, str] = {}
    for zone in (*offered, *others):
        for city in (zone.rpartition("/")[2], *(city_of(zone, language) for language in OFFERED)):
            cities.setdefault(_folded(city), zone)
    return cities


async def _choose(tap: Tap) -> None:
    zone, _, code = tap.argument.partition(":")
    is_done = True
    if code:
        event = await tap.bot.api.get(f"/events/{code}", tap.person)
        is_done = event["role"] in ("organizer", "host")
        if is_done:
            await _move(tap.bot, tap.person, event, zone, tap.key)
    words = await set_zone(tap.bot, tap.chat or tap.person.id, tap.person, zone, tap.key)
    await tap.toast(words)
    if is_done:  # otherwise a host can still move the event
        await tap.bot.telegram.edit(words, chat=tap.chat, message=tap.message_id)


def moved_to(event: dict[str, Any], zone: str) -> dict[str, str]:
    """Returns the fields that move an event to the same time of day in another zone."""
    before = ZoneInfo(event["timezone"])
    patch = {"timezone": zone}
    for field in ("start_time", "end_time"):
        local = datetime.fromisoformat(event[field]).astimezone(before).replace(tzinfo=ZoneInfo(zone))
        patch[field] = local.isoformat(timespec="seconds")
    return patch


async def _move(bot: Bot, person: Person, event: dict[str, Any], zone: str, key: str) -> None:
    """Moves an event to the same time of day in another zone. Only a host can: anybody may press the button."""
    await bot.api.call("PATCH", f"/events/{event['id']}", person, json=moved_to(event, zone), key=key)
    bot.news.set()


FEATURE = Feature(commands={"timezone": _timezone}, taps={TAP: _choose})
