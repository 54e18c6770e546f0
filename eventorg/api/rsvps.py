"""/events/{event_id}/rsvp and /rsvps: answer to an event, and list the answers."""

from typing import Annotated, Literal

from litestar import Controller, Response, delete, get, patch, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta, structs

from eventorg.domain.rsvps import Answer, NewRsvp, Rsvp, RsvpPage, RsvpStep
from eventorg.repositories.rsvps import RsvpRepository
from eventorg.web.authentication import ANY_BOT_SECURITY, BY_ANY_BOT, Authenticated
from eventorg.web.conditional import ETAG, answer, expected_versions, tagged
from eventorg.web.idempotency import once_of
from eventorg.web.pagination import Cursor, Expand, Limit, decode_cursor, encode_cursor
from eventorg.web.problem_codes import NOT_ADMITTED
from eventorg.web.problems import BODY_PROBLEMS, problems
from eventorg.web.responses import JSONResponse

Rsvps = NamedDependency[RsvpRepository]
Position = tuple[Annotated[int, Meta(ge=0, le=2**63 - 1)], Literal["", "maybe", "declined"], str, str]
"""A position in the list of answers, in the range of SQLite's integers."""
_NOT_FOUND = ["event_not_found", "rsvp_not_found"]


class RsvpController(Controller):
    """The caller's answer to one event, and the answers of all."""

    path = "/events/{event_id:str}"
    tags = ("registrations",)

    @get(
        "/rsvp",
        operation_id="get_rsvp",
        response_headers=ETAG,
        summary="Get your answer",
        responses=problems(401, codes={404: _NOT_FOUND}),
    )
    async def get_rsvp(self, request: Authenticated, event_id: FromPath[str], rsvps: Rsvps) -> Response[Rsvp]:
        """Returns the caller's answer, the registration, and the counters of the event."""
        return answer(await rsvps.get(event_id, request.user), request)

    @put(
        "/rsvp",
        operation_id="put_rsvp",
        response_headers=ETAG,
        summary="Answer an event",
        responses=problems(
            *BODY_PROBLEMS,
            401,
            404,
            412,
            codes={403: ["blocked"], 409: [*NOT_ADMITTED, "already_attended"], 503: ["plugin_failed"]},
        ),
    )
    async def put_rsvp(
        self, request: Authenticated, event_id: FromPath[str], data: JSONBody[NewRsvp], rsvps: Rsvps
    ) -> Response[Rsvp]:
        """Gives your answer. The same answer again changes nothing and is no news, so a bot can call this once per tap.

        `going` registers you, or changes your guests if you name them. `maybe` and `declined` give up your seat, also
        outside the registration window. Somebody whom a host blocks can only answer `declined`.
        """
        return tagged(await rsvps.put(event_id, data, expected_versions(request), request.user))

    @patch(
        "/rsvp",
        operation_id="change_guests",
        response_headers=ETAG,
        summary="Add or remove a guest",
        responses=problems(
            *BODY_PROBLEMS, 401, 404, 412, codes={403: ["blocked"], 409: NOT_ADMITTED, 503: ["plugin_failed"]}
        ),
    )
    async def change_guests(
        self, request: Authenticated, event_id: FromPath[str], data: JSONBody[RsvpStep], rsvps: Rsvps
    ) -> Response[Rsvp]:
        """Changes the number of your guests by one, for buttons such as "+1". Two requests at once both count, so send
        an `Idempotency-Key` with each tap.

        If you are not going, `1` registers you with one guest, and `-1` changes nothing. `-1` without guests changes
        nothing either.
        """
        changed = await rsvps.change_guests(event_id, data, expected_versions(request), request.user, once_of(request))
        return _shown(changed)

    @delete(
        "/rsvp",
        operation_id="withdraw_rsvp",
        summary="Withdraw your answer",
        status_code=200,
        responses=problems(401, 412, 507, codes={404: _NOT_FOUND, 409: ["already_attended", "event_over"]}),
    )
    async def withdraw_rsvp(self, request: Authenticated, event_id: FromPath[str], rsvps: Rsvps) -> Response[Rsvp]:
        """Withdraws your answer, and gives up your seat if you have one. `answer` is `null` afterwards.

        Returns 409 `already_attended` after a check-in, and 409 `event_over` after the event has ended.
        """
        return _shown(await rsvps.withdraw(event_id, expected_versions(request), request.user))

    @get(
        "/rsvps",
        operation_id="list_rsvps",
        summary="List answers",
        opt=BY_ANY_BOT,
        security=ANY_BOT_SECURITY,
        responses=problems(401, 404, 422, codes={403: ["participants_hidden"]}),
    )
    async def list_rsvps(
        self,
        request: Authenticated,
        event_id: FromPath[str],
        rsvps: Rsvps,
        answer: Annotated[Answer | None, QueryParameter(description="Only this answer.")] = None,
        limit: Limit = 100,
        cursor: Cursor = None,
        expand: Expand = None,
    ) -> RsvpPage:
        """Lists answers: `going` in the order of registration, then `maybe` and `declined`, each by time.

        A bot can call this without `X-Act-As` for an event that is public or unlisted, and whose names everyone can
        read. If `participants_visibility` hides the names from the caller, the response is 403 `participants_hidden`.
        """
        after = decode_cursor(cursor, Position)
        with_users = expand == "user"
        found, last = await rsvps.find(event_id, answer, after, limit, request.user, with_users=with_users)
        return structs.replace(found, next=encode_cursor(last)) if last is not None else found


def _shown(rsvp: Rsvp) -> Response[Rsvp]:
    """Returns the answer with its tag. No answer has no tag."""
    return tagged(rsvp) if rsvp.answer else JSONResponse(rsvp)
