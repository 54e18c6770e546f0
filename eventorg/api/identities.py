"""/identities/telegram: users of Telegram accounts, and links between the two."""

from litestar import Controller, Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from eventorg.domain.errors import NotFound
from eventorg.domain.identities import LinkCode, NewLink, TelegramAccount, check_telegram_id, parse_telegram_id
from eventorg.domain.users import User
from eventorg.repositories.identities import IdentityRepository
from eventorg.web.authentication import Authenticated, by_bot
from eventorg.web.conditional import ETAG, answer, etag, expected_versions, tagged
from eventorg.web.idempotency import once_of
from eventorg.web.messages import LOCATION, Done, done
from eventorg.web.problems import BODY_PROBLEMS, problems
from eventorg.web.rate_limits import COUNTS_FOR_ACCOUNT

Identities = NamedDependency[IdentityRepository]

BY_BOT: list[dict[str, list[str]]] = [{"bot": ["act"]}]
FIRST_SEEN = ResponseSpec(
    User, generate_examples=False, description="The account is new. Returns the user that was created for it."
)


class IdentityController(Controller):
    """Telegram accounts. A bot with the scope `act` calls these routes without `X-Act-As`."""

    path = "/identities/telegram/{telegram_id:str}"
    tags = ("bots",)
    opt = COUNTS_FOR_ACCOUNT

    @put(
        operation_id="put_telegram_identity",
        summary="Create or update a Telegram user",
        opt=by_bot("act", only=True),
        security=BY_BOT,
        response_headers=[*ETAG, *LOCATION],
        responses={201: FIRST_SEEN} | problems(*BODY_PROBLEMS, 401, 412),
    )
    async def put_identity(
        self,
        request: Authenticated,
        telegram_id: FromPath[str],
        identities: Identities,
        data: JSONBody[TelegramAccount | None] = None,
    ) -> Response[User]:
        """Creates the user of a Telegram account (201), or updates it (200).

        The user has no password and needs no email address. A username that is already taken is ignored. Send
        `reachable` when you know: `false` stops messages to the user, `true` resumes them, for example after `/start`.
        With `If-None-Match: *`, only a new account is accepted.
        """
        account, expected = data or TelegramAccount(), expected_versions(request)
        known = await identities.put(_parse_id(telegram_id), account, request.user, expected=expected)
        headers = {"ETag": etag(known.user), "Location": f"/users/{known.user.id}"}
        return Response(known.user, status_code=201 if known.is_new else 200, headers=headers)

    @get(
        operation_id="get_telegram_identity",
        summary="Get a Telegram user",
        opt=by_bot("act", only=True),
        security=BY_BOT,
        response_headers=ETAG,
        responses=problems(401, 422, codes={404: ["identity_not_found"]}),
    )
    async def get_identity(
        self, request: Authenticated, telegram_id: FromPath[str], identities: Identities
    ) -> Response[User]:
        """Returns the user of a Telegram account, or 404 `identity_not_found` if it has none."""
        return answer(await identities.get(_parse_id(telegram_id)), request)

    @post(
        "/link",
        operation_id="link_telegram_identity",
        summary="Link a Telegram account",
        status_code=200,
        opt=by_bot("act", only=True),
        security=BY_BOT,
        response_headers=ETAG,
        responses=problems(*BODY_PROBLEMS, 401, codes={404: ["link_code_not_found"], 409: ["telegram_linked"]}),
    )
    async def link_identity(
        self, request: Authenticated, telegram_id: FromPath[str], data: JSONBody[NewLink], identities: Identities
    ) -> Response[User]:
        """Links a Telegram account to the user who created the code with `POST /users/me/link-codes`.

        The user of the Telegram account is merged into that user. If both are registered for an event, the
        user keeps the better status: `attended`, then `registered`, `waitlisted`, `cancelled`.
        """
        return tagged(await identities.link(_parse_id(telegram_id), data.code, request.user, once_of(request)))

    @delete(
        operation_id="unlink_telegram_identity",
        summary="Unlink a Telegram account",
        status_code=200,
        responses=problems(401, 412, 422, 507, codes={404: ["identity_not_found"], 409: ["no_other_login"]}),
    )
    async def unlink_identity(self, request: Authenticated, telegram_id: FromPath[str], identities: Identities) -> Done:
        """Unlinks a Telegram account from the caller.

        Returns 409 `no_other_login` if the user has no email address and password to log in with.
        """
        await identities.unlink(_parse_id(telegram_id), expected_versions(request), request.user)
        return done(request, "identity_unlinked")


@post(
    "/users/me/link-codes",
    operation_id="create_link_code",
    summary="Create a link code",
    tags=["users"],
    responses=problems(401, 507, codes={409: ["telegram_linked"]}),
)
async def create_link_code(request: Authenticated, identities: Identities) -> Response[LinkCode]:
    """Creates a code that links a Telegram account to the caller. Show it to the bot.

    The code works once, within 15 minutes. A new code replaces the previous one.
    """
    code = await identities.create_code(request.user, once_of(request))
    return Response(code, headers={"Cache-Control": "no-store"})


def _parse_id(telegram_id: str) -> int:
    """Returns the ID. Raises `NotFound` if it is not a plain number, and `Invalid` if it is too large."""
    number = parse_telegram_id(telegram_id)
    if number is None:
        raise NotFound("identity_not_found")
    check_telegram_id(number)
    return number
