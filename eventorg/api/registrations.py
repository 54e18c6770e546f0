"""Registering for events, and who comes."""

from typing import Annotated

from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta, structs

from eventorg.api.cards import Card, make_card
from eventorg.domain.registrations import (
    NewRegistration,
    Participants,
    Registration,
    RegistrationPatch,
    RegistrationStatus,
)
from eventorg.locales import negotiate
from eventorg.repositories.participants import ParticipantRepository
from eventorg.repositories.registrations import RegistrationRepository
from eventorg.web.authentication import Authenticated
from eventorg.web.conditional import ETAG, answer, expected_versions, tagged
from eventorg.web.headers import language_for
from eventorg.web.idempotency import once_of
from eventorg.web.pagination import Cursor, decode_cursor, encode_cursor
from eventorg.web.problems import BODY_PROBLEMS, problems

Registrations = NamedDependency[RegistrationRepository]
ParticipantReader = NamedDependency[ParticipantRepository]
Place = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""A place in the order of registrations, as SQLite can count."""
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
        new = data or NewRegistration()
        registration, is_new = await registrations.register(event_id, new, request.user, once_of(request))
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

    @get(
        "/participants",
        operation_id="list_participants",
        summary="List who comes",
        responses=problems(401, 404, 422),
    )
    async def list_participants(
        self,
        request: Authenticated,
        event_id: FromPath[str],
        participants: ParticipantReader,
        status: Annotated[RegistrationStatus | None, QueryParameter(description="Only these.")] = None,
        limit: Annotated[int | None, QueryParameter(ge=1, le=1000, description="So many at most; else all.")] = None,
        cursor: Cursor = None,
    ) -> Participants:
        """In the order they registered: all of them, unless a `limit` is given. Cancelled registrations are
        listed only when asked for."""
        found, last = await participants.find(event_id, status, decode_cursor(cursor, Place) or 0, limit, request.user)
        return structs.replace(found, next=encode_cursor(last)) if last else found

    @get(
        "/participants/{user_id:str}",
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
        participants: ParticipantReader,
    ) -> Response[Registration]:
        """With the position in the waiting list; `me` stands for the caller."""
        registration = await participants.get(event_id, request.user.resolve(user_id), request.user)
        return answer(registration, request)

    @patch(
        "/participants/{user_id:str}",
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
        registration = await registrations.check_in(event_id, guest_id, data, expected, request.user, once_of(request))
        return tagged(registration)

    @delete(
        "/participants/{user_id:str}",
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

    @get(
        "/card",
        operation_id="get_card",
        summary="Read what a chat message shows",
        responses=problems(401, 404, 422),
    )
    async def get_card(
        self,
        request: Authenticated,
        event_id: FromPath[str],
        participants: ParticipantReader,
        names: Annotated[int, QueryParameter(ge=0, le=100, description="So many names at most.")] = 20,
        locale: Annotated[
            str | None, QueryParameter(description="`ru` or `en`; else as `Accept-Language` asks.", max_length=35)
        ] = None,
    ) -> Card:
        """Numbers, names, times in the event's zone, and a ready text of at most 4,096 UTF-16 units (Telegram's
        limit)."""
        roll = await participants.get_card_data(event_id, names, request.user)
        return make_card(roll, language_for(request.scope) if locale is None else negotiate(locale))
