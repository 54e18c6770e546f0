"""Who is calling: a bearer token becomes the `Caller` that handlers find in `request.user`.

A route is private unless it says otherwise with `opt=PUBLIC` (a token is optional, but one that is sent must be
good) or `opt=OPEN` (tokens are not looked at).
"""

from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.middleware.authentication import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import ASGIApp

from eventorg.domain.callers import Caller
from eventorg.domain.errors import Unauthenticated
from eventorg.repositories.users import UserRepository
from eventorg.security.tokens import Tokens

Authenticated = Request[Caller, Any, Any]
Anybody = Request[Caller | None, Any, Any]

PUBLIC = {"public": True}
OPEN = {"public": True, "exclude_from_auth": True}
SECURITY: list[dict[str, list[str]]] = [{"bearer": []}]
OPTIONAL_SECURITY = [{}, *SECURITY]


class Authentication(AbstractAuthenticationMiddleware):
    """Lets a request pass with its caller, or refuses it with 401."""

    def __init__(self, app: ASGIApp, tokens: Tokens, users: UserRepository) -> None:
        super().__init__(app)
        self._tokens = tokens
        self._users = users

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        """The caller, or None on a public route without a token. Raises `Unauthenticated`."""
        header = connection.headers.get("authorization")
        if header is None:
            if connection.route_handler.opt.get("public"):
                return AuthenticationResult(user=None, auth=None)
            raise Unauthenticated()
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated()
        return AuthenticationResult(user=await self._identify(token.strip()), auth=None)

    async def _identify(self, token: str) -> Caller:
        return await self._users.identify(self._tokens.verify(token))
