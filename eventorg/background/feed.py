"""Lets requests wait for changes without a thread or a query. A commit wakes the requests that its changes affect."""

import asyncio
from collections import defaultdict
from collections.abc import Collection
from contextlib import AbstractContextManager
from threading import Event
from typing import Final

from eventorg.domain.callers import Caller
from eventorg.domain.facts import ALL_CHANGES, Change, ChangePage
from eventorg.domain.waiting import WaitingRequests
from eventorg.repositories.changes import ChangeRepository

MAX_CATCHING_UP: Final = 2
"""Maximum number of streams whose old changes are read at the same time."""
MAX_IDLE_SUBJECTS: Final = 10_000
"""The number of IDs that are kept for users who may wait again soon."""


class _Waiter(asyncio.Event):
    """Wakes a request that waits: because of a change, or because its caller must be identified again."""

    is_interrupted = False


class _Watch:
    """The events of a user, and the user: their changes wake all requests that wait for the user.

    It may contain events that no longer concern the user. A woken request finds only what the user may see.
    """

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.subjects: set[str] = set()
        self.waiters: set[_Waiter] = set()
        self.is_complete = False


class Feed:
    """The waiting requests by event and user. Runs on the event loop. The database notifies it of commits."""

    def __init__(self, changes: ChangeRepository, stopping: Event) -> None:
        self._changes = changes
        self._stopping = stopping
        self._watches: dict[str, _Watch] = {}  # by user; "" is a bot that sees everything
        self._watching: defaultdict[str, set[_Watch]] = defaultdict(set)  # by subject
        self._idle: dict[_Watch, None] = {}  # the one that has been idle for the longest time is the first
        self._idle_subjects = 0
        self._waiting = WaitingRequests()
        self._turns = asyncio.Semaphore(MAX_CATCHING_UP)
        self._head = 0
        self._interruptions = 0
        self.followers = 0
        """The number of requests that wait now."""

    @property
    def is_closed(self) -> bool:
        """True if the server is stopping."""
        return self._stopping.is_set()

    def place(self, caller: Caller) -> AbstractContextManager[None]:
        """Counts a request that may wait, until the block ends. Raises `TooMany` if the caller has no place left. A bot
        has as many for each user that it acts for."""
        return self._waiting.place((caller.bot, caller.user_id))

    async def follow(
        self, caller: Caller, after: int | None, seconds: float, limit: int, *, in_turn: bool = False
    ) -> ChangePage:
        """Returns the changes that concern the caller after `after`; None means from the oldest one kept.

        If there are none, waits up to `seconds`, until it is interrupted, or until the server stops. With `in_turn`,
        old changes are read for few callers at a time. Raises `Gone` if changes after `after` have been deleted.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        interruptions = self._interruptions
        while True:
            page = await self._find(caller, after, limit, in_turn=in_turn)
            left = deadline - loop.time()
            if page.changes or left <= 0 or not await self.wait(caller, page.next, left, interruptions):
                return page
            after = page.next

    async def get_head(self) -> int:
        """Returns the number of the newest change."""
        return await self._changes.get_head()

    def on_commit(self, news: list[Change]) -> None:
        """Wakes the requests that wait for the events and users of these changes."""
        self._head = max(self._head, news[-1].seq)  # those of another process come late
        for change in news:
            if change.event_id and change.user_id and (watch := self._watches.get(change.user_id)):
                self._add(watch, (change.event_id,))  # a change that makes an event concern a user names both
        subjects = {subject for change in news for subject in (change.event_id, change.user_id, ALL_CHANGES)}
        for subject in subjects:
            for watch in self._watching.get(subject or "", ()):
                for waiter in watch.waiters:
                    waiter.set()

    def interrupt(self, user_id: str) -> None:
        """Ends the waits of a user, because a login of the user has ended: each caller is identified again."""
        self._interruptions += 1
        if watch := self._watches.get(user_id):
            for waiter in watch.waiters:
                waiter.is_interrupted = True
                waiter.set()

    async def wait(self, caller: Caller, seen: int, seconds: float, interruptions: int) -> bool:
        """Waits up to `seconds`. Returns true if there may be changes for the caller after the change `seen`.

        `interruptions` is their number when the caller was identified: a later one, of any user, ends the wait.
        """
        watch = self._watches.get(caller.user_id) or self._create(caller.user_id)
        waiter = _Waiter()
        watch.waiters.add(waiter)
        self._end_idleness(watch)
        self.followers += 1
        try:
            if not watch.is_complete:
                self._add(watch, await self._changes.find_audience(watch.user_id))
                watch.is_complete = True
            if self._head > seen:
                return True
            if self.is_closed or self._interruptions != interruptions:
                return False
            is_woken = await self.sleep(waiter, seconds)
            return is_woken and not waiter.is_interrupted and not self.is_closed
        finally:
            self.followers -= 1
            watch.waiters.discard(waiter)
            if not watch.waiters:
                self._begin_idleness(watch)

    async def sleep(self, waiter: asyncio.Event, seconds: float) -> bool:
        """Waits up to `seconds`. Returns true if it was woken."""
        try:
            async with asyncio.timeout(seconds):
                return await waiter.wait()
        except TimeoutError:
            return False

    def close(self) -> None:
        """Ends all waits, present and future, because the server is stopping."""
        self._stopping.set()
        for watch in self._watches.values():
            for waiter in watch.waiters:
                waiter.set()

    async def _find(self, caller: Caller, after: int | None, limit: int, *, in_turn: bool) -> ChangePage:
        page = await self._changes.find_new(caller, after, limit)  # usually the caller was woken by a change
        if page is not None:
            return page
        if not in_turn:
            return await self._changes.find(caller, after, limit)
        async with self._turns:
            return await self._changes.find(caller, after, limit)

    def _create(self, user_id: str) -> _Watch:
        """Returns a new watch. It is in place before its events are read, so that it misses no change."""
        watch = self._watches[user_id] = _Watch(user_id)
        watch.is_complete = not user_id
        self._add(watch, (user_id or ALL_CHANGES,))
        return watch

    def _add(self, watch: _Watch, subjects: Collection[str]) -> None:
        before = len(watch.subjects)
        watch.subjects.update(subjects)
        for subject in subjects:
            self._watching[subject].add(watch)
        if watch in self._idle:
            self._idle_subjects += len(watch.subjects) - before

    def _begin_idleness(self, watch: _Watch) -> None:
        self._idle[watch] = None
        self._idle_subjects += len(watch.subjects)
        while self._idle_subjects > MAX_IDLE_SUBJECTS:
            self._forget(next(iter(self._idle)))

    def _end_idleness(self, watch: _Watch) -> None:
        if watch in self._idle:
            del self._idle[watch]
            self._idle_subjects -= len(watch.subjects)

    def _forget(self, watch: _Watch) -> None:
        self._end_idleness(watch)
        del self._watches[watch.user_id]
        for subject in watch.subjects:
            self._watching[subject].discard(watch)
            if not self._watching[subject]:
                del self._watching[subject]
