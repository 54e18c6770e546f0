"""/events/{event_id}/participants: list, get, update, and remove participants."""

from typing import Annotated

from litestar import Controller, Response, delete, get, patch
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta, structs

from eventorg.domain.registrations import Participants, Registration, RegistrationPatch, RegistrationStatus
from eventorg.repositories.guest_lists import GuestListRepository
from eventorg.repositories.participants import ParticipantRepository
from eventorg.web.authentication import ANY_BOT_SECURITY, BY_ANY_BOT, Authenticated
from eventorg.web.conditional import ETAG, answer, expected_versions, tagged
from eventorg.web.idempotency import once_of
from eventorg.web.pagination import Cursor, Expand, decode_cursor, encode_cursor
from eventorg.web.problems import BODY_PROBLEMS, problems

ParticipantReader = NamedDependency[ParticipantRepository]
GuestLists = NamedDependency[GuestListRepository]
Place = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""A place in the order of registrations, in the range of SQLite's integers."""


class ParticipantController(Controller):
    """The participants of one event."""

    path = "/events/{event_id:str}/participants"
    tags = ("registrations",)

    @get(
        operation_id="list_participants",
        summary="List participants",
        opt=BY_ANY_BOT,
        security=ANY_BOT_SECURITY,
        responses=problems(401, 404, 422, codes={403: ["participants_hidden"]}),
    )
    async def list_participants(
        self,
        request: Authenticated,
        event_id: FromPath[str],
        participants: ParticipantReader,
        status: Annotated[
            RegistrationStatus | None, QueryParameter(description="Only registrations with this status.")
        ] = None,
        approved: Annotated[
            bool | None,
            QueryParameter(description="If false, only people who wait for approval. If true, everyone else."),
        ] = None,
        limit: Annotated[
            int | None, QueryParameter(ge=1, le=1000, description="Maximum number of results. Default: all.")
        ] = None,
        cursor: Cursor = None,
        expand: Expand = None,
    ) -> Participants:
        """Lists registrations in the order in which they were made: all of them, unless you give a `limit`.

        To list cancelled registrations, use `status=cancelled`. A bot can call this without `X-Act-As` for an event
        that is public or unlisted, and whose names everyone can read. If `participants_visibility` hides the names from
        the caller, the response is 403 `participants_hidden`.
        """
        after, with_users = decode_cursor(cursor, Place) or 0, expand == "user"
        found, last = await participants.find(
            event_id, status, approved, after, limit, request.user, with_users=with_users
        )
        return structs.replace(found, next=encode_cursor(last)) if last else found

    @get(
        "/{user_id:str}",
        operation_id="get_participant",
        response_headers=ETAG,
        summary="Get a participant",
        responses=problems(
            401, codes={403: ["participants_hidden"], 404: ["event_not_found", "registration_not_found"]}
        ),
    )
    async def get_participant(
        self,
        request: Authenticated,
        event_id: FromPath[str],
        user_id: FromPath[str],
        participants: ParticipantReader,
    ) -> Response[Registration]:
        """Returns one registration, with its position on the waiting list. Use `me` for the caller.

        Your own registration is always visible to you. If `participants_visibility` hides the names from you, another
        one is 403 `participants_hidden`.
        """
        registration = await participants.get(event_id, request.user.resolve(user_id), request.user)
        return answer(registration, request)

    @patch(
        "/{user_id:str}",
        operation_id="check_in",
        response_headers=ETAG,
        summary="Update a participant",
        responses=problems(
            *BODY_PROBLEMS,
            401,
            403,
            412,
            codes={
                404: ["event_not_found", "registration_not_found"],
                409: ["registration_waitlisted", "registration_cancelled"],
            },
        ),
    )
    async def check_in(
        self,
        request: Authenticated,
        event_id: FromPath[str],
        user_id: FromPath[str],
        data: JSONBody[RegistrationPatch],
        guest_lists: GuestLists,
    ) -> Response[Registration]:
        """Checks a participant in with `attended`, or undoes it with `registered`. Only hosts can do this.

        The change feed shows them as `registration.attended` and `registration.updated`.
        """
        guest_id, expected = request.user.resolve(user_id), expected_versions(request)
        registration = await guest_lists.check_in(event_id, guest_id, data, expected, request.user, once_of(request))
        return tagged(registration)

    @delete(
        "/{user_id:str}",
        operation_id="remove_participant",
        response_headers=ETAG,
        summary="Remove a participant",
        status_code=200,
        responses=problems(401, 403, 412, 507, codes={404: ["event_not_found", "registration_not_found"]}),
    )
    async def remove_participant(
        self,
        request: Authenticated,
        event_id: FromPath[str],
        user_id: FromPath[str],
        guest_lists: GuestLists,
    ) -> Response[Registration]:
        """Cancels the registration. The first person on the waiting list gets the seat. Only hosts can do this.

        A removed participant no longer sees a private event.
        """
        guest_id, expected = request.user.resolve(user_id), expected_versions(request)
        return tagged(await guest_lists.remove(event_id, guest_id, expected, request.user))
