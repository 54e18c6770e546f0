"""/users: create, list, get, update, export, and delete accounts. `me` is the caller's ID."""

from typing import Annotated

from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, structs

from eventorg.domain.errors import Forbidden, WrongPassword
from eventorg.domain.events import Role
from eventorg.domain.exports import Export
from eventorg.domain.idempotency import is_replay
from eventorg.domain.user_events import UserEventPage, UserEventQuery, UserEvents
from eventorg.domain.users import MAX_LISTED_IDS, NewUser, User, UserList, UserPatch, split_ids
from eventorg.extensions.export import UserExport
from eventorg.repositories.user_events import UserEventRepository
from eventorg.repositories.users import UserRepository
from eventorg.security.login_throttle import LoginThrottle
from eventorg.security.rate_limiter import network_of
from eventorg.security.sign_up_limit import SignUpLimit
from eventorg.settings import Settings
from eventorg.web.authentication import ANY_BOT_SECURITY, BY_ANY_BOT, OPTIONAL_SECURITY, PUBLIC, Anybody, Authenticated
from eventorg.web.bodies import parse
from eventorg.web.conditional import ETAG, answer, etag, expected_versions
from eventorg.web.idempotency import once_of
from eventorg.web.messages import LOCATION, Done, done
from eventorg.web.pagination import Cursor, decode_cursor, encode_cursor
from eventorg.web.problems import BODY_PROBLEMS, problems
from eventorg.web.time_ranges import From, To, time_range

Users = NamedDependency[UserRepository]
Ids = Annotated[
    str,
    QueryParameter(
        description=f"User IDs with commas between them, up to {MAX_LISTED_IDS}.",
        schema_extra={"examples": ["5a2e7c4d-91b3-4f0e-8c6d-2b7f4a1e9d30,0b9fdc1e-7f5c-4a55-9f0e-3c1d5d3a6f11"]},
    ),
]


class UserController(Controller):
    """User accounts. Users see each other's names; everything else is private."""

    path = "/users"
    tags = ("users",)

    @post(
        operation_id="create_user",
        summary="Create an account",
        opt=PUBLIC,
        security=OPTIONAL_SECURITY,
        response_headers=[*ETAG, *LOCATION],
        responses=problems(*BODY_PROBLEMS, 401, codes={403: ["signup_closed"], 409: ["email_taken", "username_taken"]}),
    )
    async def create_user(
        self,
        request: Anybody,
        data: JSONBody[NewUser],
        users: Users,
        settings: NamedDependency[Settings],
        signups: NamedDependency[SignUpLimit],
    ) -> Response[User]:
        """Creates a user. Usernames and email addresses are unique, regardless of case.

        If the operator has closed sign-up, only a bot with the scope `act` can create users. Other callers get
        403 `signup_closed`.
        """
        is_by_bot = request.user is not None and "act" in request.user.scopes
        if settings.signup == "closed" and not is_by_bot:
            raise Forbidden("signup_closed")
        once, sender = once_of(request), network_of(request.client)
        if not is_by_bot and not is_replay(once):
            signups.take(sender)
        user = await users.create(data, request.user, once, sender)
        return Response(user, headers={"Location": f"/users/{user.id}", "ETag": etag(user)})

    @get(
        operation_id="list_users",
        summary="List users",
        opt=BY_ANY_BOT,
        security=ANY_BOT_SECURITY,
        responses=problems(401, 422),
    )
    async def list_users(self, request: Authenticated, ids: Ids, users: Users) -> UserList:
        """Lists the users with these IDs, in your order. IDs that are unknown or malformed are left out.

        `email` is returned only for the caller's own account. A bot can call this without `X-Act-As`.
        """
        return await users.find_listed(split_ids(ids), request.user.user_id)

    @get(
        "/{user_id:str}",
        operation_id="get_user",
        summary="Get a user",
        response_headers=ETAG,
        responses=problems(401, codes={404: ["user_not_found"]}),
    )
    async def get_user(self, request: Authenticated, user_id: FromPath[str], users: Users) -> Response[User]:
        """Returns the user. `email` and `email_verified` are returned only for the caller's own account."""
        user = await users.get(request.user.resolve(user_id), request.user.user_id)
        return answer(user, request)

    @patch(
        "/{user_id:str}",
        operation_id="update_user",
        summary="Update your account",
        response_headers=ETAG,
        responses=problems(
            *BODY_PROBLEMS,
            401,
            403,
            412,
            codes={404: ["user_not_found"], 409: ["email_taken", "username_taken"], 429: ["too_many_logins"]},
        ),
    )
    async def update_user(
        self,
        request: Authenticated,
        user_id: FromPath[str],
        data: JSONBody[UserPatch],
        users: Users,
        throttle: NamedDependency[LoginThrottle],
    ) -> Response[User]:
        """Changes the fields that you send. `null` clears a name.

        A new `email` is unverified. A new `password` requires `current_password`, and ends all existing logins.
        """
        guesses = f"password of {request.user.user_id}"
        if data.password is not UNSET:
            throttle.check(guesses)
        expected = expected_versions(request)
        try:
            user_id = request.user.resolve(user_id)
            user = await users.update(user_id, data, expected, request.user, once_of(request))
        except WrongPassword:
            throttle.check(guesses)
            throttle.fail(guesses)
            raise
        return Response(user, headers={"ETag": etag(user)})

    @delete(
        "/{user_id:str}",
        operation_id="delete_user",
        summary="Delete your account",
        status_code=200,
        responses=problems(401, 403, 412, 507, codes={404: ["user_not_found"]}),
    )
    async def delete_user(self, request: Authenticated, user_id: FromPath[str], users: Users) -> Done:
        """Deletes the account, its registrations, and the events that it organizes.

        An event passes to its longest-serving co-host who has changed it, checked someone in, or removed someone.
        If there is no such co-host, the event is deleted.
        """
        await users.delete(request.user.resolve(user_id), expected_versions(request), request.user)
        return done(request, "user_deleted")

    @get(
        "/me/export",
        operation_id="export_user",
        summary="Export your data",
        responses=problems(401),
    )
    async def export_user(self, request: Authenticated, user_export: NamedDependency[UserExport]) -> Response[Export]:
        """Returns all data about the caller: the account, events, registrations, entries in the change feed, requests
        with an idempotency key, and the data of each plugin.

        `incomplete` lists plugins that failed to export their data. Try again later.
        """
        headers = {"Content-Disposition": 'attachment; filename="eventorg.json"', "Cache-Control": "no-store"}
        return Response(await user_export.export(request.user), headers=headers)

    @get(
        "/{user_id:str}/events",
        operation_id="list_user_events",
        summary="List a user's events",
        responses=problems(401, 403, 422, codes={404: ["user_not_found"]}),
    )
    async def list_user_events(
        self,
        request: Authenticated,
        user_id: FromPath[str],
        user_events: NamedDependency[UserEventRepository],
        start_from: From = None,
        start_to: To = None,
        role: Annotated[Role | None, QueryParameter(description="Only events at which you have this role.")] = None,
        limit: Annotated[
            int | None, QueryParameter(ge=1, le=1000, description="Maximum number of results. Default: 100.")
        ] = None,
        cursor: Cursor = None,
    ) -> UserEvents | UserEventPage:
        """Lists the events that you host and the events that you attend or wait for, each by start time.

        If you give any of the parameters, the answer is one list, page by page, of the events that you host, attend or
        wait for. Each event is listed once: as a host if you are one. Cancelled events are listed too.
        """
        user_id = request.user.resolve(user_id)
        if not request.query_params:
            return await user_events.find(user_id, request.user)
        wanted = parse(UserEventQuery, role=role, **time_range(start_from, start_to))
        after = decode_cursor(cursor, tuple[str, str])
        page, last = await user_events.find_page(user_id, wanted, after, limit or 100, request.user)
        return structs.replace(page, next=encode_cursor(last)) if last else page
