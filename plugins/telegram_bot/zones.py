"""Time zones: `/timezone`, and the question about the zone after an event that was made without knowing it."""

from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from .bot import Bot
from .people import Person
from .router import Feature, Said, Tap
from .settings import is_zone
from .state import CHAT
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
_ROW: Final = 2
TAP: Final = "z"


async def set_zone(bot: Bot, chat: int, person: Person, zone: str) -> str:
    """Sets the zone of a group, or of a person in private, and returns what to say about it."""
    if chat < 0:
        await bot.state.update(CHAT, chat, timezone=zone)
        return say(await bot.chat_language(chat, person), "zones.set_chat", zone=zone)
    await bot.keep(person, timezone=zone)
    await bot.api.call("PATCH", "/users/me", person, json={"timezone": zone})
    return say(person.language, "zones.set_person", zone=zone)


async def ask(said: Said, zone: str, code: str = "") -> None:
    """Asks for the zone. If a code is given, the answer moves that event to the same time of day in the zone."""
    language = await said.bot.chat_language(said.chat, said.person)
    await said.reply(say(language, "zones.ask", zone=zone), keyboard=offer(language, code))


def offer(language: str, code: str = "") -> InlineKeyboardMarkup:
    """Returns a button for each zone that is offered."""
    buttons = [
        InlineKeyboardButton(zone.partition("/")[2].replace("_", " "), callback_data=f"{TAP}:{zone}:{code}")
        for zone in OFFERED[language]
    ]
    return InlineKeyboardMarkup([buttons[at : at + _ROW] for at in range(0, len(buttons), _ROW)])


async def _timezone(said: Said) -> None:
    zone = find(said.argument)
    if zone:
        await said.reply(await set_zone(said.bot, said.chat, said.person, zone))
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
    cities = {zone.rpartition("/")[2].lower(): zone for zones in OFFERED.values() for zone in zones}
    return cities.get(wanted.lower())


async def _choose(tap: Tap) -> None:
    zone, _, code = tap.argument.partition(":")
    if code:
        await _move(tap, zone, code)
    words = await set_zone(tap.bot, tap.chat or tap.person.id, tap.person, zone)
    await tap.toast(words)
    await tap.bot.telegram.edit(words, chat=tap.chat, message=tap.message_id)


async def _move(tap: Tap, zone: str, code: str) -> None:
    """Moves an event to the same time of day in another zone. Only a host can: anybody may press the button."""
    event = await tap.bot.api.get(f"/events/{code}", tap.person)
    before = ZoneInfo(event["timezone"])
    patch: dict[str, Any] = {"timezone": zone}
    for field in ("start_time", "end_time"):
        local = datetime.fromisoformat(event[field]).astimezone(before).replace(tzinfo=ZoneInfo(zone))
        patch[field] = local.isoformat(timespec="seconds")
    await tap.bot.api.call("PATCH", f"/events/{event['id']}", tap.person, json=patch, key=tap.key)
    tap.bot.news.set()


FEATURE = Feature(commands={"timezone": _timezone}, taps={TAP: _choose})
