"""Where the cards are: the server forgets it with a deleted event, and each card has to say that it was deleted."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct
from telegram import MessageEntity
from telegram.error import BadRequest

from .client import Gone, Later, TelegramError
from .pace import Priority
from .state import CARD, CARDS
from .texts import say, units

if TYPE_CHECKING:
    from .bot import Bot
    from .changes import Change

_KEPT_SECONDS: Final = 30 * 24 * 60 * 60
"""How long after the start of an event the bot knows where its cards are."""
_DAY_SECONDS: Final = 24 * 60 * 60
_DELETED: Final = "event.deleted"


class Placed(Struct, frozen=True, kw_only=True):
    """An event that has cards."""

    title: str
    start: int
    """In seconds since 1970."""
    is_deleted: bool = False


class CardPlaces:
    """Knows the cards of events, and ends those of deleted ones."""

    def __init__(self, bot: "Bot") -> None:
        self._bot = bot
        self._events: dict[str, Placed] = {}
        self._cards: defaultdict[str, dict[str, str]] = defaultdict(dict)
        """By the ID of an event: the language of each card by `<ID of the chat>:<ID of the message>`. An inline message
        has no chat."""
        self._ending: dict[str, asyncio.Task[None]] = {}
        self._pruned_at = 0

    async def load(self) -> None:
        """Reads what an earlier process has noted."""
        found = await self._bot.state.list(CARDS)
        self._events = {key: msgspec.convert(values, Placed) for key, values in found.items()}
        for key, values in (await self._bot.state.list(CARD)).items():
            event_id, _, place = key.partition(":")
            self._cards[event_id][place] = values["language"]

    async def note(self, placement: dict[str, Any], title: str, start: int) -> None:
        """Notes that a message shows the card of an event with a title that begins at a time."""
        event_id, place = placement["event_id"], _place_of(placement)
        known, placed = self._events.get(event_id), Placed(title=title, start=start)
        if known and known.is_deleted:
            return
        if known != placed:
            await self._keep(event_id, placed)
        if place not in self._cards[event_id]:
            language = placement["locale"]
            chat = int(placement["chat_id"] or 0)
            owner = await self._bot.api.find_user_id(chat) if chat > 0 else None  # it goes with the account
            await self._bot.state.set(CARD, f"{event_id}:{place}", {"event": event_id, "language": language}, owner)
            self._cards[event_id][place] = language

    async def forget(self, placement: dict[str, Any]) -> None:
        """Forgets a card that is not there any more."""
        await self._forget(placement["event_id"], _place_of(placement))

    async def take(self, changes: Sequence["Change"]) -> None:
        """Notes which events were deleted."""
        for change in changes:
            known = self._events.get(change["event_id"])
            if known and change["type"] == _DELETED and not known.is_deleted:
                await self._keep(change["event_id"], msgspec.structs.replace(known, is_deleted=True))

    async def work(self) -> bool:
        """Begins to end the cards of deleted events, also those that are left from the time before."""
        await self._prune()
        self._ending = {event_id: task for event_id, task in self._ending.items() if not task.done()}
        for event_id, placed in self._events.items():
            if placed.is_deleted and event_id not in self._ending:
                self._ending[event_id] = asyncio.create_task(self._end(event_id, placed))
        return False

    @property
    def tasks(self) -> Collection[asyncio.Task[None]]:
        """The work on cards of deleted events that has begun. What is left follows after the next start."""
        return self._ending.values()

    async def _end(self, event_id: str, placed: Placed) -> None:
        """Edits the cards of a deleted event. One that Telegram does not take now is left for the next time."""
        for place, language in list(self._cards[event_id].items()):
            chat, _, message = place.partition(":")
            head = f"{placed.title}\n"
            try:
                async with self._bot.telegram.pace.turn(chat or message, Priority.CARD, is_edit=True):
                    await self._bot.telegram.edit(
                        head + say(language, "cards.deleted"),
                        chat=int(chat) if chat else None,
                        message=int(message) if chat else message,
                        entities=[MessageEntity("bold", 0, units(placed.title))],
                        is_turn=True,
                    )
            except (Gone, BadRequest) as error:
                self._bot.log.warning("telegram_card_not_ended", event_id=event_id, error=type(error).__name__)
            except (Later, TelegramError):
                continue
            await self._bot.reminders.forget({"chat_id": chat or None, "message_id": message, "event_id": event_id})
            await self._forget(event_id, place)

    async def _forget(self, event_id: str, *places: str) -> None:
        """Forgets cards, and the event with the last one."""
        for place in places:
            if self._cards[event_id].pop(place, None):
                await self._bot.state.set(CARD, f"{event_id}:{place}", {})
        if not self._cards[event_id]:
            del self._cards[event_id]
            if self._events.pop(event_id, None):
                await self._bot.state.set(CARDS, event_id, {})

    async def _keep(self, event_id: str, placed: Placed) -> None:
        self._events[event_id] = placed
        await self._bot.state.set(CARDS, event_id, msgspec.to_builtins(placed))

    async def _prune(self) -> None:
        """Forgets events that were long ago, once a day."""
        now = int(self._bot.clock().timestamp())
        if now - self._pruned_at < _DAY_SECONDS:
            return
        self._pruned_at = now
        for event_id, placed in list(self._events.items()):
            if placed.start < now - _KEPT_SECONDS and not placed.is_deleted:
                await self._forget(event_id, *self._cards[event_id])


def _place_of(placement: dict[str, Any]) -> str:
    return f"{placement['chat_id'] or ''}:{placement['message_id']}"
