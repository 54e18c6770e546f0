"""Keeps the bot within Telegram's limits: who waits is sent in the order of importance, as soon as its chat allows it.

A chat takes three messages in three seconds, a group 20 in a minute, all chats together 30 a second; sends and edits
count alike. The bot stays below that. Of the 20, edits may use 16, so that replies find room beside a busy card. A chat
that answered 429 is left alone for as long as Telegram says.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import IntEnum
from itertools import count
from typing import Final

MINUTE: Final = 60.0
BURST: Final = 3
BURST_SECONDS: Final = 3.2
GROUP_A_MINUTE: Final = 19
EDITS_A_MINUTE: Final = 16
QUICK_EDITS: Final = 4
FREE_EDITS: Final = 13
"""After this many edits within a minute, the others are spread over the rest of it."""
EDIT_GAP: Final = 1.1
"""The shortest time between two edits in one chat. What happens in between is one edit."""
LONGER_GAP: Final = 1.6
"""That time after the quick edits: a card is late by less than two seconds for the first 20 seconds of a rush."""
OVERALL_A_SECOND: Final = 25
_LOOK_AGAIN: Final = 0.02
_MAX_CHATS: Final = 10_000


class Priority(IntEnum):
    """What goes first. Answers to buttons have no limit and do not wait."""

    REPLY = 0
    CARD = 1
    NOTICE = 2
    BROADCAST = 3


class _Chat:
    """When the bot wrote into a chat. `inf` is a call that Telegram has not answered yet."""

    def __init__(self, *, is_group: bool) -> None:
        self.is_group = is_group
        self.sent: deque[list[float]] = deque()  # [time, 1.0 for an edit]
        self.silent_until = 0.0

    def ready_at(self, now: float, *, is_edit: bool) -> float:
        """Returns the time from which the next call is allowed."""
        while self.sent and self.sent[0][0] <= now - MINUTE:
            self.sent.popleft()
        ready = self.silent_until
        times = sorted(min(at, now) for at, _ in self.sent)
        if len(times) >= BURST:
            ready = max(ready, times[-BURST] + BURST_SECONDS)
        if not self.is_group:
            return ready
        if len(times) >= GROUP_A_MINUTE:
            ready = max(ready, times[-GROUP_A_MINUTE] + MINUTE)
        edits = sorted(min(at, now) for at, edited in self.sent if edited)
        if is_edit and edits:
            ready = max(ready, edits[-1] + _gap(edits, now))
        return ready


def _gap(edits: list[float], now: float) -> float:
    """Returns the time after the last edit: short at first, then so that the edits last for the minute."""
    if len(edits) < FREE_EDITS:
        return EDIT_GAP if len(edits) < QUICK_EDITS else LONGER_GAP
    if len(edits) >= EDITS_A_MINUTE:
        return max(LONGER_GAP, edits[-EDITS_A_MINUTE] + MINUTE - edits[-1])
    return max(LONGER_GAP, (edits[0] + MINUTE - now) / (EDITS_A_MINUTE - len(edits)))


class Turn:
    """A turn, or somebody who waits for one."""

    def __init__(self, chat: str, priority: int, number: int, *, is_edit: bool) -> None:
        self.chat = chat
        self.order = (priority, number)
        self.is_edit = is_edit
        self.entry = [float("inf"), float(is_edit)]
        self.turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._is_waived = False

    def waive(self) -> None:
        """Says that no call was made."""
        self._is_waived = True

    def end(self, now: float) -> None:
        """Notes that the call is over: Telegram counted it at some time until now."""
        self.entry[0] = now - MINUTE if self._is_waived else now


class Pace:
    """Gives turns to those who want to call Telegram."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._chats: dict[str, _Chat] = {}
        self._all: deque[float] = deque()
        self._waiters: list[Turn] = []
        self._numbers = count()
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def turn(self, chat: int | str, priority: Priority, *, is_edit: bool = False) -> AsyncIterator[Turn]:
        """Waits until a call for this chat may go out. The call is made within the block."""
        waiter = Turn(str(chat), priority, next(self._numbers), is_edit=is_edit)
        self._waiters.append(waiter)
        self._waiters.sort(key=lambda each: each.order)
        self._grant()
        try:
            await waiter.turn
        except asyncio.CancelledError:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            waiter.waive()
            waiter.end(self._now())
            raise
        try:
            yield waiter
        finally:
            waiter.end(self._now())

    def silence(self, chat: int | str, seconds: float) -> None:
        """Leaves a chat alone for some seconds, because Telegram said so."""
        found = self._find(str(chat))
        found.silent_until = max(found.silent_until, self._now() + seconds)

    def wait_of(self, chat: int | str, *, is_edit: bool) -> float:
        """Returns the seconds until a call for this chat may go out."""
        now = self._now()
        return max(0.0, self._find(str(chat)).ready_at(now, is_edit=is_edit) - now)

    def _find(self, chat: str) -> _Chat:
        if chat not in self._chats:
            if len(self._chats) >= _MAX_CHATS:
                now = self._now()
                self._chats = {key: each for key, each in self._chats.items() if each.ready_at(now, is_edit=True) > now}
            self._chats[chat] = _Chat(
                is_group=not chat.isdecimal()
            )  # a person's chat has the positive ID of the person
        return self._chats[chat]

    def _grant(self) -> None:
        """Gives their turn to all who may go now, and comes back when the next one may."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        now = self._now()
        while self._all and self._all[0] <= now - 1:
            self._all.popleft()
        soonest, waiting = float("inf"), []
        for waiter in self._waiters:
            if waiter.turn.done():
                continue
            chat = self._find(waiter.chat)
            ready = chat.ready_at(now, is_edit=waiter.is_edit)
            if len(self._all) >= OVERALL_A_SECOND:
                ready = max(ready, self._all[0] + 1)
            if ready <= now:
                chat.sent.append(waiter.entry)
                self._all.append(now)
                waiter.turn.set_result(None)
                continue
            soonest = min(soonest, max(ready, now + _LOOK_AGAIN))
            waiting.append(waiter)
        self._waiters = waiting
        if waiting:
            self._timer = asyncio.get_running_loop().call_later(max(soonest - now, 0), self._grant)
