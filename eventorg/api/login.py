"""POST /login: an e-mail and a password for a token."""

from typing import Any, Literal

from litestar import Request, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Struct

from eventorg.api.authentication import OPEN
from eventorg.api.problems import BODY_PROBLEMS, problems
from eventorg.domain.errors import Unauthenticated
from eventorg.domain.users import Login
from eventorg.domain.values import Instant, fold, rfc3339
from eventorg.repositories.users import UserRepository
from eventorg.security.throttle import Throttle
from eventorg.security.tokens import Tokens


class LoggedIn(Struct, frozen=True):
    """A token for the header `Authorization: Bearer <token>`, and when it expires."""

    token: str
    expires_at: Instant
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 (the name of a scheme)


@post(
    "/login",
    operation_id="login",
    summary="Log in",
    status_code=200,
    opt=OPEN,
    tags=["users"],
    security=[{}],
    responses=problems(*BODY_PROBLEMS, 401, 429),
)
async def login(
    request: Request[None, Any, Any],
    data: JSONBody[Login],
    users: NamedDependency[UserRepository],
    tokens: NamedDependency[Tokens],
    throttle: NamedDependency[Throttle],
) -> LoggedIn:
    """An unknown e-mail and a wrong password get the same answer after the same work. Too many failures, of an
    account or from an address, are answered 429 for a minute."""
    address = request.client.host if request.client else "unknown"
    keys = (f"account {fold(data.email)}", f"address {address}")
    throttle.check(*keys)
    try:
        credentials = await users.log_in(data)
    except Unauthenticated:
        throttle.check(*keys)
        throttle.fail(*keys)
        raise
    throttle.check(*keys)
    token, expires = tokens.issue(credentials.id, credentials.token_version)
    return LoggedIn(token, rfc3339(expires))
