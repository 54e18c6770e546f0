"""Fetches updates, handles them, and then confirms them: after a crash, Telegram sends again what was not handled."""

import asyncio
from typing import Any, Final
from weakref import WeakValueDictionary

from telegram.error import Conflict, InvalidToken, TelegramError

from .bot import Bot
from .client import POLL_SECONDS
from .router import Router

AT_ONCE: Final = 32
PATIENCE: Final = 0.25
"""The seconds after which the loop fetches more while slow updates are still being handled."""
FIRST_PAUSE: Final = 1.0
MAX_PAUSE: Final = 60.0
_UNAUTHORIZED: Final = "Telegram refuses the bot token. Check EVENTORG_TELEGRAM_BOT_TOKEN with BotFather."
_CONFLICT: Final = "Another program receives the updates of this Telegram bot. Stop the other one, or use another bot."
_WEBHOOK: Final = "A webhook is set for this Telegram bot, so it cannot poll. Delete the webhook, or use another bot."
_UNREACHABLE: Final = "Telegram cannot be reached: {error}."


class Updates:
    """The loop. Updates of one person are handled in order, those of different people at once."""

    def __init__(self, bot: Bot, router: Router) -> None:
        self._bot = bot
        self._router = router
        self._room = asyncio.Semaphore(AT_ONCE)
        self._people: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._running: dict[int, asyncio.Task[None]] = {}
        self._next = 0
        """The number of the first update that is not confirmed."""
        self._seen = 0

    async def poll(self) -> None:
        """Polls until it is cancelled. Says in /health what is wrong, and tries again after growing pauses."""
        failures = 0
        while True:
            try:
                if not self._bot.is_ready.is_set():
                    await self._bot.telegram.start()
                    self._bot.is_ready.set()
                await self._poll_once()
                failures = 0
                self._bot.report(None)
            except TelegramError as error:
                failures += 1
                sentence = describe(error)
                self._bot.report(sentence)
                self._bot.log.warning("telegram_poll_failed", problem=sentence, failures=failures)
                await asyncio.sleep(min(FIRST_PAUSE * 2 ** min(failures - 1, 10), MAX_PAUSE))

    async def _poll_once(self) -> None:
        found = await self._bot.telegram.updates(self._next, 0 if self._running else POLL_SECONDS)
        for raw in found:
            number = int(raw["update_id"])
            if number > self._seen:
                self._seen = number
                self._running[number] = asyncio.create_task(self.handle(raw))
        if self._running:
            await asyncio.wait(self._running.values(), timeout=PATIENCE)
        self._running = {number: task for number, task in self._running.items() if not task.done()}
        self._next = min(self._running, default=self._seen + 1) if self._seen else 0

    async def stop(self) -> None:
        """Ends what is being handled. Telegram sends it again after the next start."""
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def handle(self, raw: dict[str, Any]) -> None:
        """Handles an update. Steps over one that cannot be read, and over one whose handler fails."""
        async with self._lock(_sender(raw)), self._room:
            try:
                await self._router.route(self._bot.telegram.read(raw))
            except Exception as error:
                self._bot.log.warning(
                    "telegram_update_failed", update_id=raw.get("update_id"), error=f"{type(error).__name__}: {error}"
                )
                self._bot.log.debug("telegram_update_traced", exc_info=error)

    def _lock(self, sender: int) -> asyncio.Lock:
        lock = self._people.get(sender)
        if lock is None:
            lock = self._people[sender] = asyncio.Lock()
        return lock


def _sender(raw: dict[str, Any]) -> int:
    """Returns the ID of whoever caused an update, or 0."""
    for part in raw.values():
        if isinstance(part, dict) and isinstance(sender := part.get("from"), dict):
            return int(sender.get("id") or 0)
    return 0


def describe(error: TelegramError) -> str:
    """Returns a sentence for the operator."""
    if isinstance(error, InvalidToken):
        return _UNAUTHORIZED
    if isinstance(error, Conflict):
        return _WEBHOOK if "webhook" in error.message.lower() else _CONFLICT
    return _UNREACHABLE.format(error=error.message.split(".")[0])
