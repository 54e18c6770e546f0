"""`/settings`: a person's language, time zone and reminders."""

import re
from http import HTTPStatus
from typing import Any, Final

from babel.units import format_unit
from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from . import zones
from .api import Problem
from .bot import Bot
from .people import Person
from .private import in_private
from .router import Feature, Said, Tap
from .texts import LANGUAGES, say

_PATH: Final = "/users/me/reminders"
_CHOICES: Final[dict[str, list[str] | None]] = {
    "day_hour": ["PT24H", "PT1H"],
    "day": ["PT24H"],
    "hour": ["PT1H"],
    "none": [],
    "event": None,
}
"""The reminders that a button sets. None: those of each event."""
_DURATION: Final = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?")
_HOURS_OF_DAY: Final = 24


async def _settings(said: Said) -> None:
    text, keyboard = await _show(said.bot, said.person)
    await said.reply(text, keyboard=keyboard)


async def _show(bot: Bot, person: Person) -> tuple[str, InlineKeyboardMarkup]:
    language = person.language
    zone, is_chosen = await bot.zone(None, person)
    lines = [
        say(language, "settings.language", name=say(language, "settings.name")),
        say(language, "settings.zone" if is_chosen else "settings.zone_unknown", zone=zone),
    ]
    rows = [
        [
            InlineKeyboardButton(say(each, "settings.name"), callback_data=f"as:{each}")
            for each in LANGUAGES
            if each != language
        ],
        [InlineKeyboardButton(say(language, "settings.change_zone"), callback_data="az:")],
    ]
    reminders = await _reminders(bot, person)
    if reminders is not None:
        lines.append(say(language, "settings.reminders", when=_listed(reminders, language)))
        rows += [
            [InlineKeyboardButton(say(language, f"settings.remind_{name}"), callback_data=f"ar:{name}")]
            for name in _CHOICES
        ]
    return "\n".join(lines), InlineKeyboardMarkup(rows)


async def _reminders(bot: Bot, person: Person) -> list[str] | None:
    """Returns a person's reminders, or None on a server without them."""
    try:
        return [each["before"] for each in await bot.api.get(_PATH, person)]
    except Problem as problem:
        if problem.status != HTTPStatus.NOT_FOUND:
            raise
        return None


def _listed(reminders: list[str], language: str) -> str:
    """Returns reminders as people read them."""
    if not reminders:
        return say(language, "settings.no_reminders")
    return ", ".join(duration_text(each, language) for each in reminders)


def duration_text(duration: str, language: str) -> str:
    """Returns an ISO 8601 duration of hours, minutes and seconds in words."""
    match = _DURATION.fullmatch(duration)
    hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    days, hours = (hours // _HOURS_OF_DAY, 0) if hours % _HOURS_OF_DAY == 0 else (0, hours)
    parts = [("day", days), ("hour", hours), ("minute", minutes), ("second", seconds)]
    words = [format_unit(count, f"duration-{unit}", locale=language) for unit, count in parts if count]
    return " ".join(words) or say(language, "settings.at_start")


async def _speak(tap: Tap) -> None:
    """Sets the language, in which the menu is then."""
    language = tap.argument if tap.argument in LANGUAGES else tap.person.language
    await tap.bot.keep(tap.person, language=language)
    await tap.bot.api.call("PATCH", "/users/me", tap.person, json={"locale": language}, key=tap.key)
    await _show_again(tap, await tap.bot.person(tap.query.from_user))


async def _remind(tap: Tap) -> None:
    chosen = _CHOICES[tap.argument]
    body: Any = None if chosen is None else [{"before": each} for each in chosen]
    method = "DELETE" if body is None else "PUT"
    await tap.bot.api.call(method, _PATH, tap.person, json=body)
    await _show_again(tap, tap.person)


async def _show_again(tap: Tap, person: Person) -> None:
    await tap.toast(say(person.language, "settings.kept"))
    text, keyboard = await _show(tap.bot, person)
    await tap.bot.telegram.edit(text, chat=tap.chat, message=tap.message_id, keyboard=keyboard)


async def _change_zone(tap: Tap) -> None:
    language = tap.person.language
    await tap.toast()
    await tap.bot.telegram.send(tap.person.id, say(language, "zones.choose"), keyboard=zones.offer(language))


FEATURE = Feature(commands={"settings": in_private(_settings)}, taps={"as": _speak, "ar": _remind, "az": _change_zone})
