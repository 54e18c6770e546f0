"""A limit on sign-ups per minute and address: `EVENTORG_SIGNUPS_PER_MINUTE`."""

from eventorg.domain.values import Clock
from eventorg.security.rate_limiter import RateLimiter


class SignUpLimit:
    """Allows `limit` sign-ups per minute and sender. With 0, there is no limit."""

    def __init__(self, limit: int, clock: Clock) -> None:
        self._rates = RateLimiter(limit, clock) if limit else None

    def take(self, sender: str) -> None:
        """Counts a sign-up. Raises `TooMany`."""
        if self._rates is not None:
            self._rates.take(sender)
