"""Registering for events, and who comes."""

from litestar import Controller, Response, delete, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from eventorg.domain.registrations import NewRegistration, Registration
from eventorg.repositories.registrations import RegistrationRepository
from eventorg.web.authentication import Authenticated
from eventorg.web.conditional import ETAG, expected_versions, tagged
from eventorg.web.problems import BODY_PROBLEMS, problems

Registrations = NamedDependency[RegistrationRepository]
AGAIN = ResponseSpec(Registration, generate_examples=False, description="Registered before: the same registration.")


class RegistrationController(Controller):
    """The registrations of one event."""

    path = "/events/{event_id:str}"
    tags = ("registrations",)

    @post(
        "/register",
        operation_id="register",
        response_headers=ETAG,
        summary="Register for an event",
        responses={200: AGAIN} | problems(*BODY_PROBLEMS, 401, 403, 404, 409),
    )
    async def register(
        self,
        request: Authenticated,
        event_id: FromPath[str],
        registrations: Registrations,
        data: JSONBody[NewRegistration | None] = None,
    ) -> Response[Registration]:
        """The caller gets a seat, or a place in the waiting list of a full event. Asked again, it answers 200
        with the same registration: a double tap is no error."""
        registration, is_new = await registrations.register(event_id, data or NewRegistration(), request.user)
        return tagged(registration, status_code=201 if is_new else 200)

    @delete(
        "/register",
        operation_id="leave",
        response_headers=ETAG,
        summary="Leave an event",
        status_code=200,
        responses=problems(401, 404, 412, 507),
    )
    async def leave(
        self, request: Authenticated, event_id: FromPath[str], registrations: Registrations
    ) -> Response[Registration]:
        """The seat goes to the first in line. Registering again is allowed, and goes to the end of the queue."""
        return tagged(await registrations.leave(event_id, expected_versions(request), request.user))
