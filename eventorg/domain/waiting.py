"""Bounds on requests that wait."""

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Final

from eventorg.domain.errors import TooMany

MAX_WAITING: Final = 20
"""Maximum number of requests of one caller that wait at the same time."""
_RETRY_SECONDS: Final = 5


class WaitingRequests:
    """The number of requests that wait, by caller. It is used on one event loop."""

    def __init__(self) -> None:
        self._numbers: Counter[Hashable] = Counter()

    @contextmanager
    def place(self, caller: Hashable) -> Iterator[None]:
        """Counts a request until the block ends. Raises `TooMany` if `MAX_WAITING` of the caller wait already."""
        if self._numbers[caller] >= MAX_WAITING:
            raise TooMany("too_many_waiting", retry_after=_RETRY_SECONDS)
        self._numbers[caller] += 1
        try:
            yield
        finally:
            self._numbers[caller] -= 1
            if not self._numbers[caller]:
                del self._numbers[caller]
