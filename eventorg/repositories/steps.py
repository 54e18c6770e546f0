"""The steps of a long task: each is one transaction that leaves the writer to others after a short time."""

import time

SECONDS = 0.05
MIN_PARTIES = 100


class Step:
    """The time of one step. It ends by time and not by count, because removing a long text from the search index takes
    as long as moving a thousand parties."""

    def __init__(self) -> None:
        self._until = time.perf_counter() + SECONDS
        self._parties = 0
        self._has_begun = False

    def has_time(self) -> bool:
        """Returns true until the time of the step is over, and in a step that has done nothing yet."""
        is_first, self._has_begun = not self._has_begun, True
        return is_first or time.perf_counter() < self._until

    def may_move(self) -> bool:
        """Returns true if one more party may move: the first `MIN_PARTIES` always, the others while there is time."""
        self._has_begun = True
        self._parties += 1
        return self._parties <= MIN_PARTIES or self.has_time()
