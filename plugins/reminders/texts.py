"""The texts for users: short, in their language, with times in their time zone."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

LANGUAGES: Final = ("ru", "en")

_UNCHOSEN: Final = "UTC"
"""The time zone of a user who has not chosen one. The event's zone is used instead."""
_DAY: Final = "EE, d MMMM y"
_TIME: Final = "HH:mm"
BY_HOST: Final = "host:"
"""How the `dedupe_key` of a message begins if a host, and not a free seat, has promoted the user."""

_HEADS: Final = {
    "ru": {
        "reminder": "⏰ Напоминание: {title}",
        "promoted": "✅ Для вас освободилось место: {title}",
        "changed": "✏️ Изменилось время или место: {title}",
        "cancelled": "❌ Мероприятие отменено: {title}",
        "restored": "✅ Мероприятие всё-таки состоится: {title}",
        "deleted": "❌ Мероприятие удалено: {title}",
        "removed": "🚫 Организатор отменил ваше участие: {title}",
        "declined": "🚫 Организатор не одобрил вашу заявку: {title}",
        "seated": "✅ Организатор дал вам место: {title}",
        "accepted": "✅ Организатор одобрил вашу заявку, место за вами: {title}",
        "approved": "⏳ Организатор одобрил вашу заявку, вы в списке ожидания: {title}",
        "host": "⭐ Вы стали организатором: {title}",
    },
    "en": {
        "reminder": "⏰ Reminder: {title}",
        "promoted": "✅ A seat is free, and it is yours: {title}",
        "changed": "✏️ New time or place: {title}",
        "cancelled": "❌ Cancelled: {title}",
        "restored": "✅ It takes place after all: {title}",
        "deleted": "❌ Deleted: {title}",
        "removed": "🚫 A host has removed you: {title}",
        "declined": "🚫 A host has not approved you: {title}",
        "seated": "✅ A host has given you a seat: {title}",
        "accepted": "✅ A host has approved you, and you have a seat: {title}",
        "approved": "⏳ A host has approved you, and you are on the waiting list: {title}",
        "host": "⭐ You are now a host: {title}",
    },
}


_ASKING: Final = {
    "ru": "Место за вами не закреплено. Ответьте ещё раз, придёте ли вы.",
    "en": "No seat is kept for you. Please answer again whether you come.",
}
"""For who answered "maybe", possibly because the event was postponed."""


def head_of(kind: str, dedupe_key: str, row: Mapping[str, Any]) -> str:
    """Returns which text a kind of message has: it depends on whether the user was approved, and by whom."""
    if kind == "removed" and not row["approved"]:
        return "declined"
    if kind == "promoted" and dedupe_key.startswith(BY_HOST):
        return "accepted" if row["approval_required"] else "seated"
    return kind


def texts_of(kind: str, row: Mapping[str, Any]) -> dict[str, str]:
    """Returns the texts of a message in each language, from the columns of an event and the zone of a user."""
    return {language: _message(kind, language, row) for language in LANGUAGES}


def _message(kind: str, language: str, row: Mapping[str, Any]) -> str:
    """Returns the whole text: the kind of message, the title, the time and the place. A changed time has its end."""
    chosen = row["user_timezone"]
    zone = row["timezone"] if chosen == _UNCHOSEN else chosen
    start, end = (datetime.fromisoformat(row[name]).astimezone(ZoneInfo(zone)) for name in ("start_time", "end_time"))
    when = _spell(start, f"{_DAY}, {_TIME}", language)
    if kind == "changed":
        same_day = start.date() == end.date()
        when += f" – {_spell(end, _TIME if same_day else f'{_DAY}, {_TIME}', language)}"
    lines = [_HEADS[language][kind].format(title=row["title"]), f"{when} ({zone})", row["location"]]
    if kind == "changed" and row.get("is_maybe"):
        lines.append(_ASKING[language])
    return "\n".join(line for line in lines if line)


def _spell(moment: datetime, pattern: str, language: str) -> str:
    """Returns a time as text, with its offset if the clocks show it twice that day."""
    text: str = format_datetime(moment, pattern, locale=language)
    is_repeated = moment.replace(fold=0).utcoffset() != moment.replace(fold=1).utcoffset()
    return f"{text} {format_datetime(moment, 'OOOO', locale='en')}" if is_repeated else text
