"""Telegram accounts: who they are here, and how they are tied to users."""

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
from eventorg.web.messages import Done, done
from eventorg.web.problems import BODY_PROBLEMS, problems

Identities = NamedDependency[IdentityRepository]

BY_BOT: list[dict[str, list[str]]] = [{"bot": ["act"]}]
FIRST_SEEN = ResponseSpec(User, generate_examples=False, description="Never seen before: the user made for it.")


class IdentityController(Controller):
    """For bots with the scope `act`, which need not act for anybody here."""

    path = "/identities/telegram/{telegram_id:str}"
    tags = ("bots",)

    @put(
        operation_id="put_telegram_identity",
        summary="Say who a Telegram account is",
        opt=by_bot("act", only=True),
        security=BY_BOT,
        response_headers=ETAG,
        responses={201: FIRST_SEEN} | problems(*BODY_PROBLEMS, 401, 403, 404),
    )
    async def put_identity(
        self,
        request: Authenticated,
        telegram_id: FromPath[str],
        identities: Identities,
        data: JSONBody[TelegramAccount | None] = None,
    ) -> Response[User]:
        """The user for a Telegram account: made at first sight (201), brought up to date after that (200). Such a
        user has no password, and needs no e-mail; a username that is taken here is left out."""
        known = await identities.put(_parse_id(telegram_id), data or TelegramAccount(), request.user)
        headers = {"ETag": etag(known.user), "Location": f"/users/{known.user.id}"}
        return Response(known.user, status_code=201 if known.is_new else 200, headers=headers)

    @get(
        operation_id="get_telegram_identity",
        summary="Read the user of a Telegram account",
        opt=by_bot("act", only=True),
        security=BY_BOT,
        response_headers=ETAG,
        responses=problems(401, 403, 404),
    )
    async def get_identity(
        self, request: Authenticated, telegram_id: FromPath[str], identities: Identities
    ) -> Response[User]:
        """404 `identity_not_found` for an account that was never seen."""
        return answer(await identities.get(_parse_id(telegram_id)), request)

    @post(
        "/link",
        operation_id="link_telegram_identity",
        summary="Tie a Telegram account to a user",
        status_code=200,
        opt=by_bot("act", only=True),
        security=BY_BOT,
        response_headers=ETAG,
        responses=problems(*BODY_PROBLEMS, 401, 403, 404, 409),
    )
    async def link_identity(
        self, request: Authenticated, telegram_id: FromPath[str], data: JSONBody[NewLink], identities: Identities
    ) -> Response[User]:
        """With a code that the user got by `POST /users/me/link-codes` and showed to the bot. The user made for the
        Telegram account is merged into the one of the code: where both registered, the better status stays."""
        return tagged(await identities.link(_parse_id(telegram_id), data.code, request.user, once_of(request)))

    @delete(
        operation_id="unlink_telegram_identity",
        summary="Untie a Telegram account",
        status_code=200,
        responses=problems(401, 403, 404, 409, 412, 507),
    )
    async def unlink_identity(self, request: Authenticated, telegram_id: FromPath[str], identities: Identities) -> Done:
        """By the user itself. 409 `no_other_login` if it has no e-mail and password to log in with."""
        await identities.unlink(_parse_id(telegram_id), expected_versions(request), request.user)
        return done(request, "identity_unlinked")


@post(
    "/users/me/link-codes",
    operation_id="create_link_code",
    summary="Get a code that ties a Telegram account to oneself",
    tags=["bots"],
    responses=problems(401, 403, 409, 507),
)
async def create_link_code(request: Authenticated, identities: Identities) -> Response[LinkCode]:
    """Good once, for 15 minutes; a new code ends the one before. Show it to the bot."""
    code = await identities.create_code(request.user, once_of(request))
    return Response(code, headers={"Cache-Control": "no-store"})


def _parse_id(telegram_id: str) -> int:
    """Raises `NotFound` for what is no number in its usual spelling, and `Invalid` for one too large."""
    number = parse_telegram_id(telegram_id)
    if number is None:
        raise NotFound("identity_not_found")
    check_telegram_id(number)
    return number
