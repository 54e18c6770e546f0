"""Keeps the cards current: leases what is outdated, edits the messages at Telegram's pace, and acknowledges."""

import asyncio
from typing import Any, Final

from .api import Problem
from .bot import Bot
from .client import Gone, Later, TelegramError
from .pace import Priority

LEASE_SECONDS: Final = 10
"""Short, because after a crash nobody else edits a message before the lease ends."""
MAX_WAIT: Final = 6.0
"""If a chat takes the next edit only later than this, the card goes back, and comes again with the newest state."""
WAIT_SECONDS: Final = 25
LIMIT: Final = 50
_PAUSE: Final = 2.0

Placement = dict[str, Any]


class Editor:
    """Edits the messages that show an old card."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self.tasks: Final[set[asyncio.Task[None]]] = set()
        """The edits in progress."""

    async def follow(self) -> None:
        """Edits what the server says is outdated, whoever changed it, until it is cancelled."""
        while True:
            await self._lease(WAIT_SECONDS)

    async def hurry(self) -> None:
        """Edits at once after a tap: `follow` collects changes for some seconds."""
        while True:
            await self._bot.news.wait()
            self._bot.news.clear()
            await self._lease(0)

    async def _lease(self, seconds: int) -> None:
        """Begins to edit what is outdated. Nothing else edits these messages until it is acknowledged. Pauses if the
        server refuses."""
        wish = {"limit": LIMIT, "lease_seconds": LEASE_SECONDS, "timeout": seconds}
        try:
            found = await self._bot.api.call("POST", "/placements/lease", json=wish)
        except Problem as problem:
            self._bot.log.warning("telegram_cards_postponed", reason=problem.code)
            await asyncio.sleep(_PAUSE)
            return
        for placement in found["placements"]:
            edit = asyncio.create_task(self._show(placement))
            self.tasks.add(edit)
            edit.add_done_callback(self.tasks.discard)

    async def _show(self, placement: Placement) -> None:
        """Edits a message, and says what became of it."""
        result: dict[str, Any] = {"result": "shown"}
        try:
            chat = placement["chat_id"]
            whose = placement["message_id"] if chat is None else chat
            wait = self._bot.telegram.pace.wait_of(whose, is_edit=True)
            if wait > MAX_WAIT:
                result = {"result": "retry", "retry_after": int(wait)}
            else:
                await self._edit(placement)
        except Gone:
            result = {"result": "gone"}
            await self._bot.reminders.forget(placement)
            await self._bot.places.forget(placement)
        except Later as later:
            result = {"result": "retry", "retry_after": int(later.seconds) + 1}
        except (Problem, TelegramError) as error:
            self._bot.log.warning("telegram_card_postponed", event_id=placement["event_id"], error=str(error))
            result = {"result": "retry"}
        except Exception as error:
            self._bot.log.error("telegram_card_failed", event_id=placement["event_id"], error=repr(error))
            result = {"result": "retry"}
        try:
            results = [{"id": placement["id"], "etag": placement["etag"]} | result]
            await self._bot.api.call("POST", "/placements/ack", json={"results": results})
        except Problem as problem:  # it comes again at the end of the lease
            self._bot.log.warning("telegram_card_not_acknowledged", reason=problem.code)
        if result["result"] == "shown":
            self._bot.news.set()  # it may have changed since it was leased

    async def _edit(self, placement: Placement) -> None:
        chat = None if placement["chat_id"] is None else int(placement["chat_id"])
        message = placement["message_id"] if chat is None else int(placement["message_id"])
        cards, telegram = self._bot.cards, self._bot.telegram
        async with telegram.pace.turn(message if chat is None else chat, Priority.CARD, is_edit=True) as turn:
            shown = await cards.render_placed(placement)  # now, because it may have changed since the lease
            await self._bot.reminders.note(placement, shown.start)
            await self._bot.places.note(placement, shown.text.partition("\n")[0], shown.start)
            if cards.is_shown(chat, message, shown):
                turn.waive()
                return
            await telegram.edit(
                shown.text, chat=chat, message=message, keyboard=shown.keyboard, entities=shown.entities, is_turn=True
            )
        cards.note(chat, message, shown)
