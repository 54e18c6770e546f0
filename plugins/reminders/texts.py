"""The texts for users: short, in their language, with times in their time zone."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from eventorg.plugin import negotiate

_DAY_AND_TIME: Final = "EE, d MMMM y, HH:mm"
_HEADS: Final = {
    "ru": {
        "reminder": "⏰ Напоминание: {title}",
        "promoted": "✅ Для вас освободилось место: {title}",
        "changed": "✏️ Изменилось время или место: {title}",
        "cancelled": "❌ Мероприятие отменено: {title}",
    },
    "en": {
        "reminder": "⏰ Reminder: {title}",
        "promoted": "✅ A seat is free, and it is yours: {title}",
        "changed": "✏️ New time or place: {title}",
        "cancelled": "❌ Cancelled: {title}",
    },
}


def head(kind: str, locale: str, title: str) -> str:
    """Returns the first line: the kind of message and the title."""
    return _HEADS[negotiate(locale)][kind].format(title=title)


def message(kind: str, locale: str, timezone: str, title: str, start_time: str, location: str | None) -> str:
    """Returns the whole text: the kind of message, the title, the time and the place."""
    start = datetime.fromisoformat(start_time).astimezone(ZoneInfo(timezone))
    when = format_datetime(start, _DAY_AND_TIME, locale=negotiate(locale))
    lines = [head(kind, locale, title), f"{when} ({timezone})", location]
    return "\n".join(line for line in lines if line)
