"""How many requests a caller may send, or an address that names no caller: `EVENTORG_REQUESTS_PER_MINUTE`.

Litestar's own `RateLimitMiddleware` counts by the `X-Forwarded-For` that anybody can write, before it is known who
asks, in a store that forgets nothing.
"""

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from eventorg.domain.errors import Forbidden, NotFound, Unauthenticated
from eventorg.security.rates import RateLimiter, network_of

UNLIMITED = {"unlimited": True}
"""The `opt` of a route that answers however often it is asked."""


class RateLimitMiddleware(ASGIMiddleware):
    """Counts what has passed authentication: by the caller, or by the address where there is none."""

    scopes = (ScopeType.HTTP,)
    exclude_opt_key = "unlimited"

    def __init__(self, rates: RateLimiter) -> None:
        self._rates = rates

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Raises `TooMany`."""
        self._rates.take(_sender(scope))
        await next_app(scope, receive, send)


class RefusalLimitMiddleware(RateLimitMiddleware):
    """Stands before authentication, and counts what that refuses."""

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Raises `TooMany`, in place of the refusal."""
        try:
            await next_app(scope, receive, send)
        except (Unauthenticated, Forbidden, NotFound):
            self._rates.take(_sender(scope))
            raise


def _sender(scope: Scope) -> str:
    """Whose budget a request is of. A bot has one for each user it acts for."""
    caller = scope.get("user")
    return network_of(scope["client"]) if caller is None else f"{caller.bot or ''}:{caller.user_id}"
