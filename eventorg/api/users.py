"""/users: signing up, and one's own account. `me` stands for the caller's id."""

from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import UNSET

from eventorg.domain.errors import Forbidden, WrongPassword
from eventorg.domain.exports import Export
from eventorg.domain.registrations import UserEvents
from eventorg.domain.users import NewUser, User, UserPatch
from eventorg.extensions.export import UserExport
from eventorg.repositories.participants import ParticipantRepository
from eventorg.repositories.users import UserRepository
from eventorg.security.throttle import LoginThrottle
from eventorg.settings import Settings
from eventorg.web.authentication import OPTIONAL_SECURITY, PUBLIC, Anybody, Authenticated
from eventorg.web.conditional import ETAG, answer, etag, expected_versions
from eventorg.web.idempotency import once_of
from eventorg.web.messages import LOCATION, Done, done
from eventorg.web.problems import BODY_PROBLEMS, problems

Users = NamedDependency[UserRepository]


class UserController(Controller):
    """Users see each other's names; everything else is a user's own."""

    path = "/users"
    tags = ("users",)

    @post(
        operation_id="create_user",
        summary="Sign up",
        opt=PUBLIC,
        security=OPTIONAL_SECURITY,
        response_headers=[*ETAG, *LOCATION],
        responses=problems(*BODY_PROBLEMS, 401, 403, 409),
    )
    async def create_user(
        self, request: Anybody, data: JSONBody[NewUser], users: Users, settings: NamedDependency[Settings]
    ) -> Response[User]:
        """Usernames and e-mails are unique without regard to case. 403 `signup_closed` where the operator has
        closed sign-up, except for a bot with the scope `act`."""
        if settings.signup == "closed" and not (request.user and "act" in request.user.scopes):
            raise Forbidden("signup_closed")
        user = await users.create(data, request.user, once_of(request))
        return Response(user, headers={"Location": f"/users/{user.id}", "ETag": etag(user)})

    @get(
        "/{user_id:str}",
        operation_id="get_user",
        summary="Read a user",
        response_headers=ETAG,
        responses=problems(401, 404),
    )
    async def get_user(self, request: Authenticated, user_id: FromPath[str], users: Users) -> Response[User]:
        """`email` is there for oneself only."""
        user = await users.get(request.user.resolve(user_id), request.user.user_id)
        return answer(user, request)

    @patch(
        "/{user_id:str}",
        operation_id="update_user",
        summary="Change oneself",
        response_headers=ETAG,
        responses=problems(*BODY_PROBLEMS, 401, 403, 404, 409, 412),
    )
    async def update_user(
        self,
        request: Authenticated,
        user_id: FromPath[str],
        data: JSONBody[UserPatch],
        users: Users,
        throttle: NamedDependency[LoginThrottle],
    ) -> Response[User]:
        """A field left out stays as it is; `null` clears a name. A `password` needs `current_password` and
        ends every token issued before."""
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
        summary="Delete oneself",
        status_code=200,
        responses=problems(401, 403, 404, 412, 507),
    )
    async def delete_user(self, request: Authenticated, user_id: FromPath[str], users: Users) -> Done:
        """Removes the account, its registrations, and the events it organizes that no co-host takes over."""
        await users.delete(request.user.resolve(user_id), expected_versions(request), request.user)
        return done(request, "user_deleted")

    @get(
        "/me/export",
        operation_id="export_user",
        summary="Read all that is kept about oneself",
        responses=problems(401),
    )
    async def export_user(self, request: Authenticated, user_export: NamedDependency[UserExport]) -> Response[Export]:
        """The account, one's events and registrations, one's entries in the change log, the requests of the last day
        that had a key, and what each plugin keeps. `incomplete` names plugins that could not say so: ask again."""
        headers = {"Content-Disposition": 'attachment; filename="eventorg.json"', "Cache-Control": "no-store"}
        return Response(await user_export.export(request.user), headers=headers)

    @get(
        "/{user_id:str}/events",
        operation_id="list_user_events",
        summary="List what one runs and goes to",
        responses=problems(401, 403, 404),
    )
    async def list_user_events(
        self,
        request: Authenticated,
        user_id: FromPath[str],
        participants: NamedDependency[ParticipantRepository],
    ) -> UserEvents:
        """One's own events by start time: those one organizes or co-hosts, and those one goes to or waits for."""
        return await participants.find_events_of(request.user.resolve(user_id), request.user)
