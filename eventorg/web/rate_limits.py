"""Limits requests per caller, or per address without one: `EVENTORG_REQUESTS_PER_MINUTE`.

Litestar's own `RateLimitMiddleware` counts by `X-Forwarded-For`, which anyone can forge. It runs before authentication,
and its store never removes old entries.
"""

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from eventorg.domain.errors import Forbidden, NotFound, Unauthenticated
from eventorg.security.rate_limiter import RateLimiter, network_of

UNLIMITED = {"unlimited": True}
"""The `opt` of a route without a limit."""


class RateLimitMiddleware(ASGIMiddleware):
    """Counts requests that pass authentication, by caller, or by address without one."""

    scopes = (ScopeType.HTTP,)
    exclude_opt_key = "unlimited"

    def __init__(self, rates: RateLimiter) -> None:
        self._rates = rates

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Passes the request on. Raises `TooMany` over the limit."""
        self._rates.take(_sender(scope))
        await next_app(scope, receive, send)


class RefusalLimitMiddleware(RateLimitMiddleware):
    """Runs before authentication and counts the requests that it refuses."""

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Passes the request on. Raises `TooMany` instead of the refusal over the limit."""
        try:
            await next_app(scope, receive, send)
        except (Unauthenticated, Forbidden, NotFound):
            self._rates.take(_sender(scope))
            raise


def _sender(scope: Scope) -> str:
    """Returns whose limit a request counts against. A bot has one limit for each user it acts for."""
    caller = scope.get("user")
    return network_of(scope["client"]) if caller is None else f"{caller.bot or ''}:{caller.user_id}"
