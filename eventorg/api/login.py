"""/login and /logout: issues a token for an email address and password, or for the signed data of a Telegram Mini App,
and ends tokens."""

from typing import Annotated, Any, Literal

from litestar import Request, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta, Struct

from eventorg.background.feed import Feed
from eventorg.domain.errors import Forbidden, Unauthenticated
from eventorg.domain.normal_forms import email_key
from eventorg.domain.text_rules import within
from eventorg.domain.users import Login, User
from eventorg.domain.values import Input, instant, rfc3339, rule
from eventorg.repositories.identities import IdentityRepository
from eventorg.repositories.logins import LoginRepository
from eventorg.security.login_throttle import LoginThrottle
from eventorg.security.rate_limiter import network_of
from eventorg.security.telegram import MiniAppLogin
from eventorg.security.tokens import Tokens
from eventorg.settings import Settings
from eventorg.web.authentication import BY_ANY_BOT, OPEN, Authenticated, token_of
from eventorg.web.idempotency import once_of
from eventorg.web.problems import BODY_PROBLEMS, problems


def _clean_init_data(value: str) -> str:
    return within(value, len(value), 1, 16_384)


class LoggedIn(Struct, frozen=True):
    """A token."""

    token: Annotated[
        str, Meta(description="For the header `Authorization: Bearer <token>`.", examples=["eyJhbGciOiJIUzI1NiJ9.…"])
    ]
    expires_at: Annotated[str, instant("The time when the token expires, in UTC.", "2027-08-31T09:30:00Z")]
    token_type: Annotated[Literal["Bearer"], Meta(description="The scheme.", examples=["Bearer"])] = "Bearer"  # noqa: S105 (the name of a scheme)


class TelegramLoggedIn(LoggedIn, frozen=True, kw_only=True):
    """A token for a Telegram user."""

    user: Annotated[User, Meta(description="The user.")]
    created: Annotated[bool, Meta(description="True if this login created the user.", examples=[False])]


class Logout(Input):
    """The logins to end."""

    everywhere: Annotated[
        bool, Meta(description="`true`: all logins of the user. `false`: the login of this token.", examples=[False])
    ] = False


class TelegramLogin(Input):
    """The signed data of a Mini App."""

    init_data: Annotated[
        str,
        rule(
            _clean_init_data,
            min_length=1,
            max_length=16_384,
            description="The unchanged value of `Telegram.WebApp.initData`.",
            examples=["query_id=AAH…&user=…&hash=…"],
        ),
    ]


@post(
    "/login/telegram",
    operation_id="login_telegram",
    summary="Log in from a Telegram Mini App",
    status_code=200,
    opt=OPEN,
    tags=["users"],
    security=[{}],
    responses=problems(*BODY_PROBLEMS, codes={401: ["init_data_invalid", "init_data_expired"], 403: ["signup_closed"]}),
)
async def login_telegram(
    data: JSONBody[TelegramLogin],
    mini_app: NamedDependency[MiniAppLogin],
    identities: NamedDependency[IdentityRepository],
    logins: NamedDependency[LoginRepository],
    tokens: NamedDependency[Tokens],
    settings: NamedDependency[Settings],
) -> TelegramLoggedIn:
    """Verifies the signed data as Telegram specifies, and returns a token. Creates the user on the first login.

    Requires the setting `EVENTORG_TELEGRAM_BOT_TOKEN`, or `EVENTORG_TELEGRAM_BOT_ID` for data with Telegram's own
    signature.
    """
    telegram_id, account = mini_app.check(data.init_data)
    known = await identities.put(telegram_id, account, None, may_create=settings.signup == "open")
    token, expires = tokens.issue(known.user.id, await logins.get_token_version(known.user.id))
    return TelegramLoggedIn(token, rfc3339(expires), user=known.user, created=known.is_new)


@post(
    "/login",
    operation_id="login",
    summary="Log in",
    status_code=200,
    opt=OPEN,
    tags=["users"],
    security=[{}],
    responses=problems(*BODY_PROBLEMS, codes={401: ["invalid_credentials"], 429: ["too_many_logins"]}),
)
async def login(
    request: Request[None, Any, Any],
    data: JSONBody[Login],
    logins: NamedDependency[LoginRepository],
    tokens: NamedDependency[Tokens],
    throttle: NamedDependency[LoginThrottle],
) -> LoggedIn:
    """Returns a token for an email address and password.

    An unknown email address and a wrong password get the same response. After too many failed logins to an account or
    from an IP address, the server returns 429 for a minute.
    """
    keys = (f"account {email_key(data.email)}", f"address {network_of(request.client)}")
    throttle.check(*keys)
    try:
        credentials = await logins.verify(data)
    except Unauthenticated:
        throttle.check(*keys)
        throttle.fail(*keys)
        raise
    throttle.check(*keys)
    token, expires = tokens.issue(credentials.id, credentials.token_version)
    return LoggedIn(token, rfc3339(expires))


@post(
    "/logout",
    operation_id="logout",
    summary="Log out",
    status_code=204,
    opt=BY_ANY_BOT,
    tags=["users"],
    security=[{"user": []}],
    responses=problems(
        *BODY_PROBLEMS,
        401,
        codes={
            403: ["forbidden", "scope_missing", "bot_required"],
            404: ["user_not_found", "identity_not_found"],
        },
    ),
)
async def logout(
    request: Authenticated,
    logins: NamedDependency[LoginRepository],
    feed: NamedDependency[Feed],
    data: JSONBody[Logout | None] = None,
) -> None:
    """Ends the login of the token that you send, or with `everywhere` all logins of the user.

    The token is refused from then on, also by requests that wait for changes. A bot cannot log out.
    """
    if request.user.bot is not None:
        raise Forbidden()
    if data is not None and data.everywhere:
        await logins.end_all(request.user, once_of(request))
    else:
        await logins.end(token_of(request), request.user, once_of(request))
    feed.interrupt(request.user.user_id)
