"""/events/{event_id}/participants: who comes, and what hosts may change about it."""

from typing import Annotated

from litestar import Controller, Response, delete, get, patch
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta, structs

from eventorg.domain.registrations import Participants, Registration, RegistrationPatch, RegistrationStatus
from eventorg.repositories.registrations import RegistrationRepository
from eventorg.web.authentication import Authenticated
from eventorg.web.conditional import ETAG, answer, expected_versions, tagged
from eventorg.web.pagination import Cursor, decode_cursor, encode_cursor
from eventorg.web.problems import BODY_PROBLEMS, problems

Registrations = NamedDependency[RegistrationRepository]
Place = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""A place in the order of registrations, in the range of SQLite's integers."""


class ParticipantController(Controller):
    """The participants of one event."""

    path = "/events/{event_id:str}/participants"
    tags = ("registrations",)

    @get(
        operation_id="list_participants",
        summary="List who comes",
        responses=problems(401, 404, 422),
    )
    async def list_participants(
        self,
        request: Authenticated,
        event_id: FromPath[str],
        registrations: Registrations,
        status: Annotated[RegistrationStatus | None, QueryParameter(description="Only these.")] = None,
        limit: Annotated[int | None, QueryParameter(ge=1, le=1000, description="So many at most; else all.")] = None,
        cursor: Cursor = None,
    ) -> Participants:
        """In the order they registered: all of them, unless a `limit` is given. Cancelled registrations are
        listed only when asked for."""
        found, last = await registrations.find_participants(
            event_id, status, decode_cursor(cursor, Place) or 0, limit, request.user
        )
        return structs.replace(found, next=encode_cursor(last)) if last else found

    @get(
        "/{user_id:str}",
        operation_id="get_participant",
        response_headers=ETAG,
        summary="Read one registration",
        responses=problems(401, 404),
    )
    async def get_participant(
        self,
        request: Authenticated,
        event_id: FromPath[str],
        user_id: FromPath[str],
        registrations: Registrations,
    ) -> Response[Registration]:
        """With the position in the waiting list; `me` stands for the caller."""
        registration = await registrations.get(event_id, request.user.resolve(user_id), request.user)
        return answer(registration, request)

    @patch(
        "/{user_id:str}",
        operation_id="check_in",
        response_headers=ETAG,
        summary="Check somebody in",
        responses=problems(*BODY_PROBLEMS, 401, 403, 404, 409, 412),
    )
    async def check_in(
        self,
        request: Authenticated,
        event_id: FromPath[str],
        user_id: FromPath[str],
        data: JSONBody[RegistrationPatch],
        registrations: Registrations,
    ) -> Response[Registration]:
        """By a host: `attended`, or `registered` to undo it. The change log tells of both as
        `registration.attended`."""
        guest_id, expected = request.user.resolve(user_id), expected_versions(request)
        return tagged(await registrations.check_in(event_id, guest_id, data, expected, request.user))

    @delete(
        "/{user_id:str}",
        operation_id="remove_participant",
        response_headers=ETAG,
        summary="Remove somebody",
        status_code=200,
        responses=problems(401, 403, 404, 412, 507),
    )
    async def remove_participant(
        self,
        request: Authenticated,
        event_id: FromPath[str],
        user_id: FromPath[str],
        registrations: Registrations,
    ) -> Response[Registration]:
        """By a host. The seat goes to the first in line."""
        guest_id, expected = request.user.resolve(user_id), expected_versions(request)
        return tagged(await registrations.remove(event_id, guest_id, expected, request.user))
