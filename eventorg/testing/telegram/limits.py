"""The pace at which a bot may send and edit.

By tdlib's maintainer (tdlib/td#2592, #3034, tdlib/telegram-bot-api#648) and the Bot FAQ, sends and edits share one
message a second per chat (short bursts pass), 20 a minute per group, and 30 a second overall. Answers to callback
queries have no limit. A bot that sends more gets 429, and that chat stays closed for `retry_after`.
"""

import time
from collections import deque
from dataclasses import dataclass, field

from eventorg.testing.telegram.errors import too_many


@dataclass
class Limits:
    """The limits, with times in seconds. A test can make the minute shorter or switch the pace off."""

    overall_per_second: int = 30
    burst: int = 3
    """How many messages a chat takes in that many seconds: one a second, with short bursts."""
    group_per_minute: int = 20
    minute: float = 60.0
    callback_seconds: float = 30.0
    """How long a callback query can be answered."""
    inline_seconds: float = 10.0
    """How long an inline query can be answered."""
    enforced: bool = True
    """False: nothing is ever answered with 429."""


@dataclass
class _Spent:
    sent: deque[float] = field(default_factory=deque)
    closed_until: float = 0.0


class Pace:
    """Counts what the bot sends and edits."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._sent: deque[float] = deque()
        self._chats: dict[int, _Spent] = {}

    def spend(self, chat_id: int, is_group: bool) -> None:
        """Counts a send or an edit. Raises the error 429 if it comes too soon."""
        limits = self._limits
        if not limits.enforced:
            return
        now, chat = time.monotonic(), self._chats.setdefault(chat_id, _Spent())
        if now < chat.closed_until:
            raise too_many(chat.closed_until - now)
        _forget(self._sent, now - 1)
        _forget(chat.sent, now - limits.minute)
        if len(self._sent) >= limits.overall_per_second:
            raise too_many(self._sent[0] + 1 - now)
        wait = 0.0
        recent = [at for at in chat.sent if at > now - limits.burst]
        if len(recent) >= limits.burst:
            wait = recent[0] + limits.burst - now
        if is_group and len(chat.sent) >= limits.group_per_minute:
            wait = max(wait, chat.sent[0] + limits.minute - now)
        if wait > 0:
            chat.closed_until = now + wait
            raise too_many(wait)
        self._sent.append(now)
        chat.sent.append(now)


def _forget(times: deque[float], before: float) -> None:
    while times and times[0] <= before:
        times.popleft()
