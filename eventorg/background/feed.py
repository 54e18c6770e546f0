"""Waiting for news without a thread or a query: each waiter is woken by what concerns it, right after the commit."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable

from eventorg.domain.callers import Caller
from eventorg.domain.facts import ALL_CHANGES, Change, ChangePage
from eventorg.repositories.changes import ChangeRepository


class Feed:
    """Who waits for which ids. Lives on the event loop; the database tells it what is committed."""

    def __init__(self, changes: ChangeRepository) -> None:
        self._changes = changes
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._head = 0
        self.followers = 0
        """So many wait at the moment."""
        self.is_closed = False

    async def follow(self, caller: Caller, after: int | None, seconds: float, limit: int) -> ChangePage:
        """What concerns the caller after a number (None: from the oldest kept), waiting for something until the time is
        over or the server stops. Raises `Gone` for a number that is not kept."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            page, concerns = await self._changes.find(caller, after, limit)
            left = deadline - loop.time()
            if page.changes or left <= 0 or not await self.wait(concerns, page.next, left):
                return page
            after = page.next

    def on_commit(self, news: list[Change]) -> None:
        """Wakes whoever waits for the events and users of these changes."""
        self._head = max(self._head, news[-1].seq)  # another process's changes are noticed late
        subjects = {subject for change in news for subject in (change.event_id, change.user_id, ALL_CHANGES)}
        for subject in subjects:
            for waiter in self._waiting.get(subject or "", ()):
                waiter.set()

    async def wait(self, subjects: Iterable[str], seen: int, seconds: float) -> bool:
        """Whether there may be news of the subjects after the change `seen`, waiting so long for some."""
        if self._head > seen:
            return True
        if self.is_closed:
            return False
        waiter = asyncio.Event()
        for subject in subjects:
            self._waiting[subject].add(waiter)
        self.followers += 1
        try:
            async with asyncio.timeout(seconds):
                await waiter.wait()
            return not self.is_closed
        except TimeoutError:
            return False
        finally:
            self.followers -= 1
            for subject in subjects:
                self._waiting[subject].discard(waiter)
                if not self._waiting[subject]:
                    del self._waiting[subject]

    def close(self) -> None:
        """Ends every wait, now and from now on: the server is stopping."""
        self.is_closed = True
        for waiters in self._waiting.values():
            for waiter in waiters:
                waiter.set()
