"""Who is calling: a bearer token becomes the `Caller` that handlers find in `request.user`.

A route is private unless it says otherwise: `PUBLIC` (a token is optional, but one that is sent must be good) or
`OPEN` (tokens are not looked at). A bot acts for a user with `X-Act-As`; what it may do by itself is marked with the
scope it needs, `by_bot(scope)`.
"""

from functools import partial
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.middleware.authentication import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import ASGIApp

from eventorg.domain.callers import Caller, Scope
from eventorg.domain.errors import Forbidden, Unauthenticated
from eventorg.repositories.bots import TOKEN_PREFIX, BotRepository
from eventorg.repositories.users import UserRepository
from eventorg.security.tokens import Tokens

Authenticated = Request[Caller, Any, Any]
Anybody = Request[Caller | None, Any, Any]

PUBLIC = {"public": True}
OPEN = {"public": True, "exclude_from_auth": True}
SECURITY: list[dict[str, list[str]]] = [{"user": []}, {"bot": ["act"]}]
OPTIONAL_SECURITY: list[dict[str, list[str]]] = [{}, *SECURITY]


def by_bot(scope: Scope, *, only: bool = False) -> dict[str, Any]:
    """The `opt` of a route that a bot with a scope may call by itself, or that `only` such a bot may call."""
    return {"bot_scope": scope, "bot_only": only}


class Authentication(AbstractAuthenticationMiddleware):
    """Lets a request pass with its caller, or refuses it with 401 or 403."""

    def __init__(self, app: ASGIApp, tokens: Tokens, users: UserRepository, bots: BotRepository) -> None:
        super().__init__(app)
        self._tokens = tokens
        self._users = users
        self._bots = bots

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        """The caller, or None on a public route without a token; `auth` asks again, for what lasts. Raises
        `Unauthenticated` and `Forbidden`."""
        header = connection.headers.get("authorization")
        if header is None:
            if connection.route_handler.opt.get("public"):
                return AuthenticationResult(user=None, auth=None)
            raise Unauthenticated()
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated()
        act_as = connection.headers.get("x-act-as")
        identify = partial(self._identify, token.strip(), act_as)
        caller = await identify()
        _check_scope(caller, connection.route_handler.opt)
        return AuthenticationResult(user=caller, auth=identify)

    async def _identify(self, token: str, act_as: str | None) -> Caller:
        if token.startswith(TOKEN_PREFIX):
            return await self._bots.identify(token, act_as)
        if act_as is not None:
            raise Forbidden("bot_required")
        return await self._users.identify(self._tokens.verify(token))


def _check_scope(caller: Caller, opt: dict[str, Any]) -> None:
    """A bot that acts for a user may do what the user may; by itself, what the route names a scope for.

    Raises `Forbidden`.
    """
    scope = opt.get("bot_scope")
    if opt.get("bot_only") and scope not in caller.scopes:
        raise Forbidden("scope_missing")
    if caller.user_id or opt.get("public"):
        return
    if scope is None and "act" in caller.scopes:
        raise Forbidden("act_as_missing")
    if scope not in caller.scopes:
        raise Forbidden("scope_missing")
