"""Registering for events, and who comes."""

from typing import Annotated

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta, structs

from eventorg.api.authentication import Authenticated
from eventorg.api.cursors import decode_cursor, encode_cursor
from eventorg.api.problems import BODY_PROBLEMS, problems
from eventorg.domain.registrations import NewRegistration, Participants, Registration, RegistrationStatus
from eventorg.repositories.registrations import RegistrationRepository

Registrations = NamedDependency[RegistrationRepository]
Place = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""A place in the order of registrations, as SQLite can count."""


class RegistrationController(Controller):
    """The registrations of one event."""

    path = "/events/{event_id:str}"
    tags = ("registrations",)

    @post(
        "/register",
        operation_id="register",
        summary="Register for an event",
        responses=problems(*BODY_PROBLEMS, 401, 403, 404, 409),
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
        return Response(registration, status_code=201 if is_new else 200)

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
        registrations: Registrations,
        status: Annotated[RegistrationStatus | None, QueryParameter(description="Only these.")] = None,
        limit: Annotated[int | None, QueryParameter(ge=1, le=1000, description="So many at most.")] = None,
        cursor: Annotated[str | None, QueryParameter(description="The `next` of the page before.")] = None,
    ) -> Participants:
        """In the order they registered: all of them, unless a `limit` is given. Cancelled registrations are
        listed only when asked for."""
        found, last = await registrations.find_participants(
            event_id, status, decode_cursor(cursor, Place, 0), limit, request.user
        )
        return structs.replace(found, next=encode_cursor(last)) if last else found
