"""Lets requests wait for changes without a thread or a query. A commit wakes the requests that its changes affect."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable

from eventorg.domain.callers import Caller
from eventorg.domain.facts import ALL_CHANGES, Change, ChangePage
from eventorg.repositories.changes import ChangeRepository


class Feed:
    """The waiting requests by event and user. Runs on the event loop. The database notifies it of commits."""

    def __init__(self, changes: ChangeRepository) -> None:
        self._changes = changes
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._head = 0
        self.followers = 0
        """The number of requests that wait now."""
        self.is_closed = False

    async def follow(self, caller: Caller, after: int | None, seconds: float, limit: int) -> ChangePage:
        """Returns the changes that concern the caller after `after`; None means from the oldest one kept.

        If there are none, waits up to `seconds`, or until the server stops. Raises `Gone` if changes after `after` have
        been deleted.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            page, concerns = await self._changes.find(caller, after, limit)
            left = deadline - loop.time()
            if page.changes or left <= 0 or not await self.wait(concerns, page.next, left):
                return page
            after = page.next

    def on_commit(self, news: list[Change]) -> None:
        """Wakes the requests that wait for the events and users of these changes."""
        self._head = max(self._head, news[-1].seq)  # those of another process come late
        subjects = {subject for change in news for subject in (change.event_id, change.user_id, ALL_CHANGES)}
        for subject in subjects:
            for waiter in self._waiting.get(subject or "", ()):
                waiter.set()

    async def wait(self, subjects: Iterable[str], seen: int, seconds: float) -> bool:
        """Waits up to `seconds`. Returns true if there may be changes of the subjects after the change `seen`."""
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
        """Ends all waits, present and future, because the server is stopping."""
        self.is_closed = True
        for waiters in self._waiting.values():
            for waiter in waiters:
                waiter.set()
