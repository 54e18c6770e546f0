"""/events/{event_id}/participants: list, get, update, and remove participants."""

from typing import Annotated

from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta, structs

from eventorg.domain.guest_lists import NewParticipant, ParticipantPatch
from eventorg.domain.registrations import Participants, Registration, RegistrationStatus
from eventorg.repositories.guest_lists import GuestListRepository
from eventorg.repositories.participants import ParticipantRepository
from eventorg.web.authentication import ANY_BOT_SECURITY, BY_ANY_BOT, Authenticated
from eventorg.web.conditional import ETAG, answer, expected_versions, tagged
from eventorg.web.idempotency import once_of
from eventorg.web.pagination import Cursor, Expand, LimitOrAll, decode_cursor, encode_cursor
from eventorg.web.problems import BODY_PROBLEMS, problems

ParticipantReader = NamedDependency[ParticipantRepository]
GuestLists = NamedDependency[GuestListRepository]
Place = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""A place in the order of registrations, in the range of SQLite's integers."""


ADDED_BEFORE = ResponseSpec(
    Registration, generate_examples=False, description="The user is already registered. Returns that registration."
)


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
        limit: LimitOrAll = None,
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

    @post(
        operation_id="add_participant",
        summary="Add a participant",
        response_headers=ETAG,
        responses={200: ADDED_BEFORE}
        | problems(
            *BODY_PROBLEMS,
            401,
            codes={
                403: ["forbidden", "blocked"],
                404: ["event_not_found", "user_not_found"],
                409: ["event_full", "event_cancelled", "event_not_open", "event_over", "too_many_people_by_name"],
                503: ["plugin_failed"],
            },
        ),
    )
    async def add_participant(
        self, request: Authenticated, event_id: FromPath[str], data: JSONBody[NewParticipant], guest_lists: GuestLists
    ) -> Response[Registration]:
        """Adds a user, or somebody without an account by `first_name` and `last_name`. Only hosts can do this.

        The registration window, the hosts' blocks, `max_guests` and the approval do not count, but the capacity does:
        if too few seats are free, the registration is `waitlisted`. The user gets a message that names the host. If
        the user is already registered, the response is 200 with that registration, which is approved now; the guests
        do not change. A user who blocks you cannot be added (403 `blocked`).

        A name becomes a new user with `name_only`, who has no login and exists only as a participant of this event:
        no bot can act for this user, and removing the participant deletes the user. An event can have 1,000 of them.
        """
        registration, is_new = await guest_lists.add(event_id, data, request.user, once_of(request))
        return tagged(registration, status_code=201 if is_new else 200)

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
                409: [
                    "registration_waitlisted",
                    "registration_cancelled",
                    "event_full",
                    "event_cancelled",
                    "event_not_open",
                    "event_over",
                ],
            },
        ),
    )
    async def update_participant(
        self,
        request: Authenticated,
        event_id: FromPath[str],
        user_id: FromPath[str],
        data: JSONBody[ParticipantPatch],
        guest_lists: GuestLists,
    ) -> Response[Registration]:
        """Checks a participant in with `attended`, or undoes it with `registered`. Only hosts can do this.

        `approved` approves somebody who waits for approval, who gets seats, or a place on the waiting list by the time
        of registration. `registered` gives seats to somebody who waits, also for approval. If too few are free, the
        response is 409 `event_full`, unless you send `raise_capacity`: then the event's capacity grows by the missing
        seats, and this person gets them. `guests` can be up to 20, also outside the registration window, but need free
        seats. What you omit stays.

        The change feed shows seats for somebody who waits as `registration.promoted`, a check-in as
        `registration.attended`, and everything else as `registration.updated`.
        """
        guest_id, expected = request.user.resolve(user_id), expected_versions(request)
        changed = await guest_lists.update(event_id, guest_id, data, expected, request.user, once_of(request))
        return tagged(changed)

    @delete(
        "/{user_id:str}",
        operation_id="remove_participant",
        response_headers=ETAG,
        summary="Remove a participant",
        status_code=200,
        responses=problems(401, 403, 412, 422, 507, codes={404: ["event_not_found", "registration_not_found"]}),
    )
    async def remove_participant(
        self,
        request: Authenticated,
        event_id: FromPath[str],
        user_id: FromPath[str],
        guest_lists: GuestLists,
        block: Annotated[
            bool, QueryParameter(description="If true, you also block the person, as with `PUT /users/me/blocks/…`.")
        ] = False,
    ) -> Response[Registration]:
        """Cancels the registration. The seats go to the first on the waiting list who fit. Only hosts can do this.

        A removed participant no longer sees a private event. Somebody whom a host added by name is deleted.
        """
        guest_id, expected = request.user.resolve(user_id), expected_versions(request)
        return tagged(await guest_lists.remove(event_id, guest_id, expected, request.user, block=block))
