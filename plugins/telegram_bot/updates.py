"""Gets updates, handles them, and then confirms them: after a crash, Telegram sends again what was not handled."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final
from weakref import WeakValueDictionary

from telegram.error import Conflict, TelegramError

from .bot import Bot
from .client import POLL_SECONDS
from .faults import describe, undelivered
from .router import Router
from .state import BOT
from .webhook import PATH, address_of, secret_of

AT_ONCE: Final = 32
PATIENCE: Final = 0.25
"""The seconds after which the loop fetches more while slow updates are still being handled."""
FIRST_PAUSE: Final = 1.0
MAX_PAUSE: Final = 60.0
_PROBE_SECONDS: Final = 3
"""How long the first poll after a conflict waits for updates. The other program needs time to show itself."""
_LOOK_SECONDS: Final = 60.0
"""How often the webhook is looked at."""
_WEBHOOK: Final = "webhook"


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
        self._patience = POLL_SECONDS
        self._is_receiving = False
        """True if the webhook has received something since it was looked at."""

    async def run(self) -> None:
        """Gets updates until it is cancelled: by webhook if an address for it is set, otherwise by long polling."""
        await self._persist(self._keep_webhook if address_of(self._bot.settings) else self._poll)

    async def _persist(self, step: Callable[[], Awaitable[str | None]]) -> None:
        """Repeats a step. Says in /health what is wrong, by the step itself or because it fails: then it tries again
        after growing pauses."""
        failures = 0
        while True:
            try:
                if not self._bot.is_ready.is_set():
                    await self._bot.telegram.start()
                    self._bot.is_ready.set()
                    await self._drop_own_webhook()
                self._bot.report(await step())
                failures = 0 if self._patience == POLL_SECONDS else failures
                self._patience = POLL_SECONDS
            except TelegramError as error:
                failures += 1
                self._patience = _PROBE_SECONDS if isinstance(error, Conflict) else 0
                sentence = describe(error)
                self._bot.report(sentence)
                self._bot.log.warning("telegram_poll_failed", problem=sentence, failures=failures)
                await asyncio.sleep(min(FIRST_PAUSE * 2 ** min(failures - 1, 10), MAX_PAUSE))

    async def _poll(self) -> None:
        """Gets updates once, and begins to handle them."""
        found = await self._bot.telegram.updates(self._next, 0 if self._running else self._patience)
        for raw in found:
            number = int(raw["update_id"])
            if number > self._seen:
                self._seen = number
                self._running[number] = asyncio.create_task(self.handle(raw))
        if self._running:
            await asyncio.wait(self._running.values(), timeout=PATIENCE)
        self._running = {number: task for number, task in self._running.items() if not task.done()}
        self._next = min(self._running, default=self._seen + 1) if self._seen else 0

    async def _keep_webhook(self) -> str | None:
        """Sets the webhook if it is not as it should be, and comes back later. Returns a sentence if updates wait, and
        none has come since the look before."""
        address = address_of(self._bot.settings)
        found = None if self._patience != POLL_SECONDS else await self._bot.telegram.webhook()
        problem = None
        if found is None or found.url != address:
            await self._bot.state.set(BOT, _WEBHOOK, {"url": address})
            await self._bot.telegram.set_webhook(address, secret_of(self._bot.settings))
        elif not self._is_receiving and not self._running:
            problem = undelivered(found)
        self._bot.report(problem)
        self._patience = POLL_SECONDS
        self._is_receiving = False
        await asyncio.sleep(_LOOK_SECONDS)
        return problem

    async def _drop_own_webhook(self) -> None:
        """Deletes the webhook before the first poll, if this server has set it. Another program's stays."""
        if address_of(self._bot.settings):
            self._patience = 0  # sets it anew, because the secret may be another one
            return
        found = (await self._bot.telegram.webhook()).url
        own = (await self._bot.state.get(BOT, _WEBHOOK)).get("url")
        if found and (found == own or found.endswith(PATH)):
            await self._bot.telegram.bot.delete_webhook()
        if own:
            await self._bot.state.set(BOT, _WEBHOOK, {})

    async def receive(self, raw: dict[str, Any]) -> None:
        """Returns once an update from the webhook is handled: also one that Telegram sends again meanwhile."""
        self._is_receiving = True
        number = raw.get("update_id")
        if not isinstance(number, int):
            return await self.handle(raw)
        if number not in self._running:
            self._running[number] = task = asyncio.create_task(self.handle(raw))
            task.add_done_callback(lambda _: self._running.pop(number, None))
        return await asyncio.shield(self._running[number])

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """The updates that are being handled."""
        return list(self._running.values())

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
            number = sender.get("id")
            return number if isinstance(number, int) else 0
    return 0
