"""`/reminders`: how long before an event its group is reminded."""

import re
from datetime import timedelta
from typing import Final

from .group_reminders import MAX_MINUTES, duration_text
from .router import Feature, Said
from .texts import say
from .when import read_length

_OFF: Final = ("off", "no", "none", "0", "выкл", "нет", "стоп")
_DAYS: Final = re.compile(r"(\d)\s*(?:days?|d|дн(?:я|ей)|день|д)\.?", re.IGNORECASE)


def read_minutes(text: str) -> int | None:
    """Returns the minutes that a text names, such as `1h`, `90 min`, `1 day` or `off` (0), or None."""
    wanted = text.strip().lower()
    if wanted in _OFF:
        return 0
    days = _DAYS.fullmatch(wanted)
    length = timedelta(days=int(days[1])) if days else read_length(wanted)
    minutes = int(length / timedelta(minutes=1)) if length else 0
    return minutes if 0 < minutes <= MAX_MINUTES else None


async def _reminders(said: Said) -> None:
    if said.is_private:
        await said.reply(say(said.person.language, "reminders.in_private"))
        return
    reminders, language = said.bot.reminders, await said.bot.chat_language(said.chat, said.person)
    if said.argument:
        wanted = read_minutes(said.argument)
        if wanted is None:
            await said.reply(say(language, "reminders.unknown"))
            return
        await reminders.set_minutes(said.chat, wanted)
    minutes = await reminders.minutes(said.chat)
    words = say(language, "reminders.on", when=duration_text(minutes, language)) if minutes else ""
    await said.reply(words or say(language, "reminders.off"))


FEATURE = Feature(commands={"reminders": _reminders})
