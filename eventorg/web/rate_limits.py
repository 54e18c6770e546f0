"""Limits requests per caller, or per address without one: `EVENTORG_REQUESTS_PER_MINUTE`.

Litestar's own `RateLimitMiddleware` counts by `X-Forwarded-For`, which anyone can forge. It runs before authentication,
and its store never removes old entries.
"""

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from eventorg.domain.errors import DomainError, Forbidden, NotFound, Unauthenticated
from eventorg.domain.identities import MAX_TELEGRAM_ID, parse_telegram_id
from eventorg.security.rate_limiter import RateLimiter, network_of
from eventorg.web.headers import header

UNLIMITED = {"unlimited": True}
"""The `opt` of a route without a limit."""
COUNTS_FOR_ACCOUNT = {"counts_for_account": True}
"""The `opt` of a route that a bot calls for the Telegram account `{telegram_id}`: each account has its own limit."""
_MAX_ACT_AS = 64


class RateLimitMiddleware(ASGIMiddleware):
    """Counts requests that pass authentication, by caller, or by address without one."""

    scopes = (ScopeType.HTTP,)
    exclude_opt_key = "unlimited"

    def __init__(self, rates: RateLimiter) -> None:
        self._rates = rates

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Passes the request on. Raises `TooMany` over the limit."""
        self._rates.take(_sender(scope))
        scope["state"]["is_counted"] = True
        await next_app(scope, receive, send)


class RefusalLimitMiddleware(RateLimitMiddleware):
    """Runs before authentication and counts the requests that it refuses."""

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Passes the request on. Raises `TooMany` instead of the refusal over the limit."""
        try:
            await next_app(scope, receive, send)
        except (Unauthenticated, Forbidden, NotFound) as error:
            if not scope["state"].get("is_counted"):
                self._rates.take(_refused_sender(scope, error))
            raise


def _sender(scope: Scope) -> str:
    """Returns whose limit a request counts against. A bot has one limit for each person it acts for or tells about."""
    caller = scope.get("user")
    if caller is None:
        return network_of(scope["client"])
    if not caller.user_id and scope["route_handler"].opt.get("counts_for_account"):
        number = parse_telegram_id(scope["path_params"]["telegram_id"])
        if number is not None and number <= MAX_TELEGRAM_ID:
            return f"{caller.bot}:telegram:{number}"
    return f"{caller.bot or ''}:{caller.user_id}"


def _refused_sender(scope: Scope, error: DomainError) -> str:
    """Returns whose limit a refused request counts against. Naming an unknown person does not block a bot itself."""
    if scope.get("user") is None and isinstance(error, NotFound):  # raised for a valid token of a bot only
        return f"{network_of(scope['client'])}:{(header(scope, b'x-act-as') or '')[:_MAX_ACT_AS]}"
    return _sender(scope)
