"""Authentication: a bearer token becomes the `Caller` that handlers find in `request.user`.

A route needs a token unless it is marked `PUBLIC` (a token is optional, but must be valid if it is sent) or `OPEN`
(tokens are ignored). A bot acts for a user with `X-Act-As`. Mark what a bot can do by itself with the scope it needs,
`by_bot(scope)`.
"""

import re
from functools import partial
from typing import Any

from litestar import Request
from litestar.types import ASGIApp, Receive, Scope, Send

from eventorg.domain.callers import BotScope, Caller
from eventorg.domain.errors import Forbidden, NotFound, ScopeMissing, Unauthenticated
from eventorg.locales import LANGUAGES, text
from eventorg.repositories.callers import CallerRepository
from eventorg.repositories.idempotency import request_caller
from eventorg.web.headers import header

Authenticated = Request[Caller, Any, Any]
Anybody = Request[Caller | None, Any, Any]

PUBLIC = {"public": True}
OPEN = {"public": True, "exclude_from_auth": True}
_USER_ID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SECURITY: list[dict[str, list[str]]] = [{"user": []}, {"bot": ["act"]}]
OPTIONAL_SECURITY: list[dict[str, list[str]]] = [{}, *SECURITY]


def by_bot(scope: BotScope, *, only: bool = False) -> dict[str, Any]:
    """Returns the `opt` of a route that a bot with a scope can call by itself, or that `only` such a bot can call."""
    return {"bot_scope": scope, "bot_only": only}


BY_ANY_BOT = {"any_bot": True}
"""The `opt` of a route that users and bots may call, also a bot that acts for no user, whatever its scopes."""
ANY_BOT_SECURITY: list[dict[str, list[str]]] = [*SECURITY, {"bot": ["changes"]}, {"bot": ["deliver"]}]


class Authentication:
    """Middleware that identifies the caller, or refuses the request with 401 or 403.

    It does not derive from Litestar's `ASGIMiddleware`, which checks for each request anew whether it applies.
    """

    def __init__(self, callers: CallerRepository) -> None:
        self._callers = callers

    def __call__(self, app: ASGIApp) -> ASGIApp:
        """Returns the application with this middleware in front of it."""

        async def authenticated(scope: Scope, receive: Receive, send: Send) -> None:
            if not scope["route_handler"].opt.get("exclude_from_auth"):
                await self.authenticate(scope)
            await app(scope, receive, send)

        return authenticated

    async def authenticate(self, scope: Scope) -> None:
        """Sets the caller as `request.user`, or None on a public route without a token.

        `request.auth` identifies the caller again, for requests that last. Raises `Unauthenticated` and `Forbidden`.
        """
        authorization = header(scope, b"authorization")
        opt = scope["route_handler"].opt
        scope["user"] = None
        if authorization is not None:
            identify = partial(self._callers.identify, _parse_bearer(authorization), header(scope, b"x-act-as"))
            try:
                scope["user"] = caller = await identify()
            except NotFound as error:
                _explain_act_as(error, header(scope, b"x-act-as"))
                raise
            scope["auth"] = identify
            request_caller.set(caller)
            _check_scope(caller, opt)
        elif scope.get("method") != "OPTIONS" and not opt.get("public"):
            raise Unauthenticated()


def token_of(request: Authenticated) -> str:
    """Returns the token that a caller has sent."""
    return _parse_bearer(request.headers["authorization"])


def _parse_bearer(authorization: str) -> str:
    """Returns the token of an `Authorization` header (RFC 6750, section 2.1). Raises `Unauthenticated`."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated()
    return token.strip()


def _check_scope(caller: Caller, opt: dict[str, Any]) -> None:
    """Raises `Forbidden` unless the caller may call the route.

    A bot that acts for a user may do what the user may. By itself it may do what the route names a scope for.
    """
    scope: BotScope | None = opt.get("bot_scope")
    if opt.get("bot_only") and scope not in caller.scopes:
        raise ScopeMissing(scope=scope or "act")
    if caller.user_id or opt.get("public") or opt.get("any_bot"):
        return
    if scope is None and "act" in caller.scopes:
        raise Forbidden("act_as_missing")
    if scope not in caller.scopes:
        raise ScopeMissing(scope=scope or "act")


def _explain_act_as(error: NotFound, act_as: str | None) -> None:
    """Makes the error say how `X-Act-As` is spelled if what was sent cannot be anybody's ID."""
    if error.code == "user_not_found" and not _USER_ID.fullmatch(act_as or ""):
        error.words = {language: text(language, "hints", "act_as_spelling") for language in LANGUAGES}
