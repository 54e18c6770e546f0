"""/events/{event_id}/invitations and /invitations/{code}: codes that let people come to an event."""

from typing import Annotated, Any, cast

from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody
from msgspec import Meta, structs

from eventorg.domain.events import Event
from eventorg.domain.invitations import Acceptance, Invitation, InvitationPage, NewInvitation
from eventorg.domain.registrations import Registration
from eventorg.domain.rsvps import Rsvp
from eventorg.repositories.invitations import InvitationRepository
from eventorg.web.authentication import OPTIONAL_SECURITY, PUBLIC, Anybody, Authenticated
from eventorg.web.conditional import ETAG, answer, expected_versions, tagged
from eventorg.web.idempotency import once_of
from eventorg.web.messages import Done, done
from eventorg.web.pagination import Cursor, Limit, decode_cursor, encode_cursor
from eventorg.web.problem_codes import NOT_ADMITTED
from eventorg.web.problems import BODY_PROBLEMS, problems

Invitations = NamedDependency[InvitationRepository]
Place = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""A place in the order of invitations, in the range of SQLite's integers."""
KNOWN = ResponseSpec(
    cast("Any", Registration | Rsvp),
    generate_examples=False,
    description="The registration of a caller who was registered or pending already, or the answer that was given.",
)


class InvitationController(Controller):
    """The invitations of one event, for its hosts."""

    path = "/events/{event_id:str}/invitations"
    tags = ("invitations",)

    @post(
        operation_id="create_invitation",
        summary="Create an invitation",
        response_headers=ETAG,
        responses=problems(*BODY_PROBLEMS, 401, 403, 404),
    )
    async def create_invitation(
        self,
        request: Authenticated,
        event_id: FromPath[str],
        invitations: Invitations,
        data: JSONBody[NewInvitation | None] = None,
    ) -> Response[Invitation]:
        """Creates a code that lets people come to the event, also to a private one, and without a host's approval.

        Without limits, everyone can use the code until you revoke it. For a personal invitation, set `max_uses` to 1.
        Only hosts can do this: the organizer and the co-hosts.
        """
        new = data or NewInvitation()
        return tagged(await invitations.create(event_id, new, request.user, once_of(request)), status_code=201)

    @get(
        operation_id="list_invitations",
        summary="List invitations",
        responses=problems(401, 403, 404, 422),
    )
    async def list_invitations(
        self,
        request: Authenticated,
        event_id: FromPath[str],
        invitations: Invitations,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> InvitationPage:
        """Lists the invitations that were not revoked, in the order in which they were created.

        Expired and used-up ones are in the list too. Only hosts can do this: the organizer and the co-hosts.
        """
        found, last = await invitations.find(event_id, decode_cursor(cursor, Place) or 0, limit, request.user)
        return structs.replace(found, next=encode_cursor(last)) if last else found

    @delete(
        "/{invitation_id:str}",
        operation_id="revoke_invitation",
        summary="Revoke an invitation",
        status_code=200,
        responses=problems(401, 403, 412, 507, codes={404: ["event_not_found", "invitation_not_found"]}),
    )
    async def revoke_invitation(
        self, request: Authenticated, event_id: FromPath[str], invitation_id: FromPath[str], invitations: Invitations
    ) -> Done:
        """Ends an invitation: its code no longer works. People who used it stay registered.

        Only hosts can do this: the organizer and the co-hosts.
        """
        await invitations.revoke(event_id, invitation_id, expected_versions(request), request.user)
        return done(request, "invitation_revoked")


class InvitationCodeController(Controller):
    """An invitation, for somebody who has its code."""

    path = "/invitations/{code:str}"
    tags = ("invitations",)

    @get(
        operation_id="get_invitation",
        summary="Get the event of an invitation",
        opt=PUBLIC,
        security=OPTIONAL_SECURITY,
        response_headers=ETAG,
        responses=problems(401, codes={404: ["invitation_not_found"]}),
    )
    async def get_invitation(self, request: Anybody, code: FromPath[str], invitations: Invitations) -> Response[Event]:
        """Returns the event that the code invites to, also a private one. It needs no token.

        Until you accept the invitation, a private event is visible under this URL only. A code that has expired, was
        revoked, or is used up by others is 404 `invitation_not_found`.
        """
        viewer_id = request.user.user_id or None if request.user else None
        return answer(await invitations.get_event(code, viewer_id), request)

    @post(
        "/accept",
        operation_id="accept_invitation",
        summary="Accept an invitation",
        response_headers=ETAG,
        responses={200: KNOWN}
        | problems(
            *BODY_PROBLEMS,
            401,
            codes={
                403: ["blocked"],
                404: ["invitation_not_found", "event_not_found"],
                409: [*NOT_ADMITTED, "already_attended"],
                503: ["plugin_failed"],
            },
        ),
    )
    async def accept_invitation(
        self,
        request: Authenticated,
        code: FromPath[str],
        invitations: Invitations,
        data: JSONBody[Acceptance | None] = None,
    ) -> Response[Registration]:
        """Registers you for the event, also for a private one, and without a host's approval.

        The other rules of `POST /events/{event_id}/register` apply. A refusal uses nothing up. If you are registered
        already, the response is 200 with that registration, and no use is counted, also if the code is used up. If you
        are pending, this approves you, which counts as a use.

        With an `answer`, you answer `maybe` or `declined` instead, and the response is 200 as from
        `PUT /events/{event_id}/rsvp`. A new answer counts as a use. You can give an answer outside the registration
        window.

        After you have accepted, use the routes of the event. If you leave the event, you can come back without an
        invitation. If a host removes you, you need one.
        """
        reply = data or Acceptance()
        if reply.answer is not None:
            given: Any = await invitations.answer(code, reply.answer, request.user, once_of(request))
            return tagged(given, status_code=200)
        registration, is_new = await invitations.accept(code, reply, request.user, once_of(request))
        return tagged(registration, status_code=201 if is_new else 200)
