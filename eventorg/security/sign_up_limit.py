"""A limit on sign-ups, and on mails with codes, per minute and IP address: `EVENTORG_SIGNUPS_PER_MINUTE`."""

from eventorg.domain.values import Clock
from eventorg.security.rate_limiter import RateLimiter


class SignUpLimit:
    """Allows `limit` sign-ups, or mails, per minute and sender. With 0, there is no limit."""

    def __init__(self, limit: int, clock: Clock) -> None:
        self._rates = RateLimiter(limit, clock) if limit else None

    def take(self, sender: str) -> None:
        """Counts a sign-up, or a mail. Raises `TooMany`."""
        if self._rates is not None:
            self._rates.take(sender)
