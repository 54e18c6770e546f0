"""/events/{event_id}/register: register for an event and leave it."""

from litestar import Controller, Response, delete, patch, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from eventorg.domain.parties import PartyPatch
from eventorg.domain.registrations import NewRegistration, Registration
from eventorg.repositories.registrations import RegistrationRepository
from eventorg.web.authentication import Authenticated
from eventorg.web.conditional import ETAG, expected_versions, tagged
from eventorg.web.idempotency import once_of
from eventorg.web.problem_codes import NOT_ADMITTED
from eventorg.web.problems import BODY_PROBLEMS, problems

Registrations = NamedDependency[RegistrationRepository]
AGAIN = ResponseSpec(
    Registration, generate_examples=False, description="The caller is already registered. Returns that registration."
)


class RegistrationController(Controller):
    """The caller's registration for one event."""

    path = "/events/{event_id:str}"
    tags = ("registrations",)

    @post(
        "/register",
        operation_id="register",
        response_headers=ETAG,
        summary="Register for an event",
        responses={200: AGAIN}
        | problems(
            *BODY_PROBLEMS,
            401,
            404,
            codes={
                403: ["forbidden", "blocked"],
                409: NOT_ADMITTED,
                503: ["plugin_failed"],
            },
        ),
    )
    async def register(
        self,
        request: Authenticated,
        event_id: FromPath[str],
        registrations: Registrations,
        data: JSONBody[NewRegistration | None] = None,
    ) -> Response[Registration]:
        """Gives the caller and the guests seats, or a place on the waiting list if too few are free.

        If the event requires approval, the registration is `waitlisted` and not `approved` until a host approves it. If
        the caller is already registered, the response is 200 with that registration, and the guests do not change.
        """
        new = data or NewRegistration()
        registration, is_new = await registrations.register(event_id, new, request.user, once_of(request))
        return tagged(registration, status_code=201 if is_new else 200)

    @patch(
        "/register",
        operation_id="update_registration",
        response_headers=ETAG,
        summary="Update your registration",
        responses=problems(
            *BODY_PROBLEMS,
            401,
            412,
            codes={
                403: ["blocked"],
                404: ["event_not_found", "registration_not_found"],
                409: NOT_ADMITTED,
                503: ["plugin_failed"],
            },
        ),
    )
    async def update_registration(
        self,
        request: Authenticated,
        event_id: FromPath[str],
        data: JSONBody[PartyPatch],
        registrations: Registrations,
    ) -> Response[Registration]:
        """Changes the guests whom you bring along. On the waiting list you keep your place.

        If you need more seats than are free, the response is 409 `event_full` and nothing changes. You can always
        bring fewer guests, also when registration is closed. Names that are too many for the guests go.
        """
        expected = expected_versions(request)
        changed = await registrations.change_party(event_id, data, expected, request.user, once_of(request))
        return tagged(changed)

    @delete(
        "/register",
        operation_id="leave",
        response_headers=ETAG,
        summary="Leave an event",
        status_code=200,
        responses=problems(
            401,
            412,
            507,
            codes={
                404: ["event_not_found", "registration_not_found"],
                409: ["already_attended", "event_over"],
            },
        ),
    )
    async def leave(
        self, request: Authenticated, event_id: FromPath[str], registrations: Registrations
    ) -> Response[Registration]:
        """Cancels the caller's registration. The first person on the waiting list gets the seat.

        The caller can register again, at the end of the waiting list, also for a private event. Returns 409
        `already_attended` after a check-in, and 409 `event_over` after the event has ended.
        """
        return tagged(await registrations.leave(event_id, expected_versions(request), request.user))
