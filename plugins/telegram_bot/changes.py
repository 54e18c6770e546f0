"""Follows the change feed: what happens outside Telegram, and what the bot does about it."""

import asyncio
from collections.abc import Awaitable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Protocol

from .api import Problem
from .state import BOT

if TYPE_CHECKING:
    from .bot import Bot

LOOK_SECONDS: Final = 2.0
"""The pause between two pages, so that a rush of changes costs few requests."""
WAIT_SECONDS: Final = 25
LIMIT: Final = 1_000
SAVE_SECONDS: Final = 60
"""How often the number of the last change is written down. After a crash, the changes since then come again."""
_POSITION: Final = "changes"
_LATEST: Final = "latest"

Change = dict[str, Any]


class Follower(Protocol):
    """A part of the bot that follows the changes. A change can come twice."""

    async def take(self, changes: Sequence[Change]) -> None:
        """Notes what there is to do."""

    async def work(self) -> bool:
        """Does what is due. Returns true if something is left for later."""


class Changes:
    """The change feed, and those who follow it."""

    def __init__(self, bot: "Bot", followers: Sequence[Follower]) -> None:
        self._bot = bot
        self._followers = followers
        self._lock = asyncio.Lock()
        self._last: int | str | None = None
        """The number of the last change that all have taken, or `latest`."""
        self._is_busy = False
        """True if there may be something to do before the next change."""
        self._saved: int | str | None = None
        self._saved_at = float("-inf")

    async def run(self) -> None:
        """Follows the changes until it is cancelled."""
        await self._bot.is_ready.wait()
        while True:
            try:
                await self._look(0 if self._is_busy else WAIT_SECONDS)
            except Problem as problem:
                self._bot.log.warning("telegram_changes_postponed", reason=problem.code)
            self._is_busy = False
            left = [await self._guard(follower.work()) for follower in self._followers]
            self._is_busy |= any(each is not False for each in left)
            if not self._is_busy:
                await self._save()
            await asyncio.sleep(LOOK_SECONDS)

    async def catch_up(self) -> None:
        """Takes the changes that are there already. Raises `Problem`."""
        while not await self._look(0):
            pass
        self._is_busy = True

    async def _look(self, seconds: int) -> bool:
        """Takes the next page. Returns false if another call has taken changes meanwhile. Raises `Problem`."""
        if self._last is None:
            self._last = (await self._bot.state.get(BOT, _POSITION)).get("last", _LATEST)
        after = self._last
        try:
            wish = {"after": after, "timeout": 0 if after == _LATEST else seconds, "limit": LIMIT}
            page = await self._bot.api.call("GET", "/changes", params=wish)
        except Problem as problem:
            if problem.status != HTTPStatus.GONE:
                raise
            self._bot.log.warning("telegram_changes_missed")
            page = await self._bot.api.call("GET", "/changes", params={"after": _LATEST})
        async with self._lock:
            if self._last != after:
                return False
            for follower in self._followers if page["changes"] else ():
                await self._guard(follower.take(page["changes"]))
            self._last = page["next"]
        return True

    async def _save(self) -> None:
        """Writes down how far the bot has come, now and then."""
        now = asyncio.get_running_loop().time()
        if self._last != self._saved and now - self._saved_at >= SAVE_SECONDS:
            self._saved, self._saved_at = self._last, now
            await self._bot.state.set(BOT, _POSITION, {"last": self._last})

    async def _guard(self, step: Awaitable[bool | None]) -> bool | None:
        """Returns what a step of a follower returns, or None if it fails: the others go on."""
        try:
            return await step
        except Problem as problem:
            self._bot.log.warning("telegram_changes_postponed", reason=problem.code)
        except Exception as error:
            self._bot.log.error("telegram_change_failed", error=repr(error))
        return None
