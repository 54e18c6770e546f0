"""Reminders in groups: a reply to the card of an event before it begins."""

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from .api import Problem
from .client import Gone, Later, TelegramError
from .faults import is_unreached
from .pace import Priority
from .state import CHAT, REMINDER
from .texts import say, shorten

if TYPE_CHECKING:
    from .bot import Bot

LOOK_SECONDS: Final = 2.0
MINUTES: Final = 60
"""How long before the start a group gets its reminder if nobody has chosen anything."""
MAX_MINUTES: Final = 7 * 24 * 60
_LATE: Final = 15 * 60
"""A reminder that could not be sent for so many seconds is left out."""
_READ: Final = 1_000
_TITLE: Final = 100
_UNITS: Final = (("days", 24 * 60), ("hours", 60), ("minutes", 1))


class Card(Struct, frozen=True, kw_only=True):
    """The newest card of an event in a group. Times are in seconds since 1970."""

    message: int
    thread: int | None = None
    language: str
    start: int
    since: int
    """When the bot learned of this start: what was due before is left out."""
    reminded: int | None = None
    """The start of which the group was reminded."""


class GroupReminders:
    """Knows the cards in groups, and writes a reply to each, once for each start."""

    def __init__(self, bot: "Bot") -> None:
        self._bot = bot
        self._cards: dict[str, Card] = {}
        self._minutes: dict[int, int] = {}

    async def load(self) -> None:
        """Reads what an earlier process has noted."""
        found = await self._bot.state.list(REMINDER)
        self._cards = {key: msgspec.convert(values, Card) for key, values in found.items()}

    async def note(self, placement: dict[str, Any], start: int) -> None:
        """Notes that a message shows the card of an event that begins at a time."""
        chat, now = placement["chat_id"], self._now
        if chat is None or int(chat) > 0 or start <= now:
            return
        key = f"{chat}:{placement['event_id']}"
        before = self._cards.get(key)
        thread = placement["thread_id"]
        card = Card(
            message=max(int(placement["message_id"]), before.message if before else 0),
            thread=None if thread is None else int(thread),
            language=placement["locale"],
            start=start,
            since=before.since if before and before.start == start else now,
            reminded=before.reminded if before else None,
        )
        if card != before:
            await self._keep(key, card)

    async def forget(self, placement: dict[str, Any]) -> None:
        """Forgets a card that is not there any more: the group gets no reminder of its event."""
        key = f"{placement['chat_id']}:{placement['event_id']}"
        card = self._cards.get(key)
        if card is not None and str(card.message) == placement["message_id"]:
            await self._keep(key, None)

    async def minutes(self, chat: int) -> int:
        """Returns how long before the start a group gets its reminder. 0: it gets none."""
        if chat not in self._minutes:
            values = await self._bot.state.get(CHAT, chat)
            moved = values.get("moved_to")
            self._minutes[chat] = await self.minutes(moved) if moved else values.get("remind_minutes", MINUTES)
        return self._minutes[chat]

    async def set_minutes(self, chat: int, minutes: int) -> None:
        """Sets how long before the start a group gets its reminder. 0: it gets none."""
        await self._bot.state.update(CHAT, chat, remind_minutes=minutes)
        self._minutes.clear()

    async def note_move(self, old: int, new: int) -> None:
        """Remembers that a group became a supergroup, whose choice counts then."""
        await self._bot.state.update(CHAT, old, moved_to=new)
        self._minutes.clear()

    async def run(self) -> None:
        """Sends what is due until it is cancelled."""
        await self._bot.is_ready.wait()
        while True:
            now = self._now
            await asyncio.gather(*(self._look(key, card, now) for key, card in list(self._cards.items())))
            await asyncio.sleep(LOOK_SECONDS)

    @property
    def _now(self) -> int:
        return int(self._bot.clock().timestamp())

    async def _keep(self, key: str, card: Card | None) -> None:
        if card is None:
            self._cards.pop(key, None)
        else:
            self._cards[key] = card
        await self._bot.state.set(REMINDER, key, {} if card is None else msgspec.to_builtins(card))

    async def _look(self, key: str, card: Card, now: int) -> None:
        """Sends the reminder if it is due. Never raises an error: the other groups get theirs."""
        if self._cards.get(key) is not card:
            return
        try:
            if card.start <= now:
                await self._keep(key, None)
            elif card.reminded != card.start and card.start - now <= MAX_MINUTES * 60:
                chat, _, event_id = key.rpartition(":")
                seconds = await self.minutes(int(chat)) * 60
                due = card.start - seconds
                if seconds and card.since <= due <= now < due + _LATE:
                    await self._remind(key, int(chat), event_id, card)
        except Problem as problem:
            self._bot.log.warning("telegram_reminder_postponed", reason=problem.code)
        except Exception as error:
            self._bot.log.error("telegram_reminder_failed", key=key, error=repr(error))

    async def _remind(self, key: str, chat: int, event_id: str, card: Card) -> None:
        """Writes the reminder. It is noted before, so that after a crash nobody is reminded twice. Raises `Problem`."""
        event = await self._find(chat, event_id)
        if event is None:
            await self._keep(key, None)
            return
        start = int(datetime.fromisoformat(event["start_time"]).timestamp())
        if start != card.start or event["status"] != "published" or not event["registered_count"]:
            return  # the editor notes a new start, and the rest can change
        target = (await self._bot.state.get(CHAT, chat)).get("moved_to", chat)
        await self._mark(key, start)
        text = _text(event, start - self._now, card.language)
        reply_to = card.message if target == chat else None  # a supergroup has messages of its own
        try:
            await self._bot.telegram.send(target, text, priority=Priority.NOTICE, thread=card.thread, reply_to=reply_to)
        except Gone:
            await self._keep(key, None)
        except Later:
            await self._mark(key, card.reminded)
        except TelegramError as error:
            self._bot.log.warning("telegram_reminder_not_sent", error=type(error).__name__)
            if is_unreached(error):
                await self._mark(key, card.reminded)

    async def _mark(self, key: str, reminded: int | None) -> None:
        """Notes of which start a group was reminded."""
        card = self._cards.get(key)
        if card is not None:
            await self._keep(key, msgspec.structs.replace(card, reminded=reminded))

    async def _find(self, chat: int, event_id: str) -> dict[str, Any] | None:
        """Returns an event to come, if the bot may still show it in a chat. Raises `Problem`."""
        wish = {"chat_id": str(chat), "limit": _READ, "from": self._bot.clock().isoformat(timespec="seconds")}
        found: dict[str, list[dict[str, Any]]] = await self._bot.api.call("GET", "/placements/events", params=wish)
        return next((each for each in found["events"] if each["id"] == event_id), None)


def _text(event: dict[str, Any], seconds: int, language: str) -> str:
    when = duration_text(max(1, round(seconds / 60)), language)
    name = "begins" if event["capacity"] is None else "begins_of"
    return say(
        language,
        f"reminders.{name}",
        title=shorten(event["title"], _TITLE),
        when=when,
        seats=event["registered_count"],
        capacity=event["capacity"],
    )


def duration_text(minutes: int, language: str) -> str:
    """Returns a number of minutes in days, hours and minutes, as it stands after “in”."""
    parts = []
    for unit, length in _UNITS:
        count, minutes = divmod(minutes, length)
        if count:
            parts.append(say(language, f"reminders.{unit}", count=count))
    return " ".join(parts)
