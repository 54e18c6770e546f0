"""Limits password guessing: counts failed logins per account and per IP address.

Unlike request limiters it counts failures only, uses the injected clock, and drops the oldest key instead of growing.
"""

import hashlib
import math
from collections import OrderedDict
from datetime import datetime, timedelta

from eventorg.domain.errors import TooMany
from eventorg.domain.values import Clock

WINDOW = timedelta(minutes=1)
MAX_KEYS = 100_000


class LoginThrottle:
    """Allows `limit` failures per key within any minute."""

    def __init__(self, limit: int, clock: Clock) -> None:
        self._limit = limit
        self._clock = clock
        self._failures: OrderedDict[bytes, list[datetime]] = OrderedDict()

    def check(self, *keys: str) -> None:
        """Raises `TooMany`, with the seconds to wait, if one of the keys has failed too often.

        Call it before the password is verified and again after, so that parallel guesses gain nothing.
        """
        now = self._clock()
        waits = [
            failures[0] + WINDOW - now
            for key in keys
            if (failures := self._failures.get(_short(key)))
            and len(failures) == self._limit
            and failures[0] <= now < failures[0] + WINDOW  # a failure in the future means that the clock was set back
        ]
        if waits:
            raise TooMany("too_many_logins", retry_after=math.ceil(max(waits).total_seconds()))

    def fail(self, *keys: str) -> None:
        """Counts a failure of each key."""
        now = self._clock()
        for key in map(_short, keys):
            self._failures[key] = [*self._failures.get(key, ()), now][-self._limit :]
            self._failures.move_to_end(key)
        while len(self._failures) > MAX_KEYS:
            self._failures.popitem(last=False)


def _short(key: str) -> bytes:
    """Returns a short form of a key: a folded email address can be eighteen times as long as it was sent."""
    return hashlib.blake2b(key.encode(), digest_size=16).digest()
