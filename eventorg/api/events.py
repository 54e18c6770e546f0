"""/events: create, list, get, update, cancel, and delete events."""

from typing import Annotated, Final

from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from eventorg.domain.callers import Caller
from eventorg.domain.event_copies import EventCopy
from eventorg.domain.events import Event, EventPage, EventPatch, EventQuery, NewEvent, Status
from eventorg.repositories.event_copies import EventCopyRepository
from eventorg.repositories.event_pages import EventPageRepository
from eventorg.repositories.events import EventRepository
from eventorg.web.authentication import OPTIONAL_SECURITY, PUBLIC, Anybody, Authenticated
from eventorg.web.bodies import parse
from eventorg.web.conditional import ETAG, answer, etag, expected_versions
from eventorg.web.idempotency import once_of
from eventorg.web.messages import LOCATION, Done, done
from eventorg.web.pagination import Cursor, Limit, decode_cursor, encode_cursor
from eventorg.web.problems import BODY_PROBLEMS, problems
from eventorg.web.query_parameters import query_prefixes
from eventorg.web.time_ranges import From, To, time_range

Words = Annotated[
    str | None,
    QueryParameter(description="Words, or parts of words, in the title, description, or location.", max_length=200),
]

_METADATA: Final = "metadata."

Events = NamedDependency[EventRepository]


class EventController(Controller):
    """Events. Each route accepts an event's short `code` in place of `{event_id}`."""

    path = "/events"
    tags = ("events",)

    @post(
        operation_id="create_event",
        summary="Create an event",
        response_headers=[*ETAG, *LOCATION],
        responses=problems(*BODY_PROBLEMS, 401, 403, codes={404: ["event_not_found"], 409: ["too_many_events"]}),
    )
    async def create_event(self, request: Authenticated, data: JSONBody[NewEvent], events: Events) -> Response[Event]:
        """Creates an event and makes the caller its organizer. Only the title and the two times are required.

        Without a `capacity`, seats are unlimited. With `waitlist: false`, registering for a full event fails
        with 409 `event_full`. A `public` event is listed for everyone. An `unlisted` event is visible to people who
        know its ID or code. A `private` event is visible only to its hosts and participants, so nobody else can
        register.
        """
        event = await events.create(data, request.user, once_of(request))
        return Response(event, headers={"Location": f"/events/{event.id}", "ETag": etag(event)})

    @get(
        operation_id="list_events",
        summary="List events",
        opt=PUBLIC | query_prefixes(_METADATA),
        security=OPTIONAL_SECURITY,
        responses=problems(401, 422),
    )
    async def list_events(
        self,
        request: Anybody,
        event_pages: NamedDependency[EventPageRepository],
        start_from: From = None,
        start_to: To = None,
        q: Words = None,
        organizer_id: Annotated[
            str | None, QueryParameter(description="Only events of this organizer (user ID).")
        ] = None,
        status: Annotated[
            Status | None, QueryParameter(description="Only events with this status. Default: `published`.")
        ] = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> EventPage:
        """Lists public events and the caller's own events of any visibility, by start time.

        By default, lists published events only. To list others, set `status`. With `metadata.<key>=<value>`, for up to
        5 keys, lists only the caller's own events that have these values, and, for a bot, the events that the caller
        can see and to which the bot gave these values. A page of long descriptions has fewer
        events than `limit`; `next` is null only on the last page.
        """
        times, metadata = time_range(start_from, start_to), _metadata(request) or None
        wanted = parse(EventQuery, q=q, organizer_id=organizer_id, status=status, metadata=metadata, **times)
        after, bot = decode_cursor(cursor, tuple[str, str]), request.user.bot if request.user else None
        found, last, as_of = await event_pages.find(wanted, _viewer(request.user), bot, after, limit)
        return EventPage(events=found, next=encode_cursor(last) if last else None, as_of=as_of)

    @get(
        "/{event_id:str}",
        operation_id="get_event",
        summary="Get an event",
        opt=PUBLIC,
        security=OPTIONAL_SECURITY,
        response_headers=ETAG,
        responses=problems(401, 404),
    )
    async def get_event(self, request: Anybody, event_id: FromPath[str], events: Events) -> Response[Event]:
        """Returns the event. A draft or a private event is visible only to its hosts and participants."""
        return answer(await events.get(event_id, _viewer(request.user)), request)

    @patch(
        "/{event_id:str}",
        operation_id="update_event",
        summary="Update an event",
        response_headers=ETAG,
        responses=problems(*BODY_PROBLEMS, 401, 403, 404, 412, codes={409: ["event_has_participants"]}),
    )
    async def update_event(
        self,
        request: Authenticated,
        event_id: FromPath[str],
        data: JSONBody[EventPatch],
        events: Events,
    ) -> Response[Event]:
        """Changes the fields that you send. `null` clears an optional field.

        Only hosts can do this: the organizer and the co-hosts.
        """
        event = await events.update(event_id, data, expected_versions(request), request.user, once_of(request))
        return Response(event, headers={"ETag": etag(event)})

    @delete(
        "/{event_id:str}",
        operation_id="delete_event",
        summary="Delete an event",
        status_code=200,
        responses=problems(401, 403, 404, 412, 507),
    )
    async def delete_event(self, request: Authenticated, event_id: FromPath[str], events: Events) -> Done:
        """Deletes the event and its registrations. Only the organizer can do this.

        To keep the event visible to its participants, cancel it instead.
        """
        await events.delete(event_id, expected_versions(request), request.user)
        return done(request, "event_deleted")

    @post(
        "/{event_id:str}/cancel",
        operation_id="cancel_event",
        summary="Cancel an event",
        status_code=200,
        response_headers=ETAG,
        responses=problems(401, 403, 404, 412, 507),
    )
    async def cancel_event(self, request: Authenticated, event_id: FromPath[str], events: Events) -> Response[Event]:
        """Cancels the event. Only hosts can do this: the organizer and the co-hosts.

        The event and its registrations stay visible, and its participants see the change in the change feed. To undo
        it, set `status` with `PATCH`.
        """
        patch = EventPatch(status="cancelled")
        event = await events.update(event_id, patch, expected_versions(request), request.user, once_of(request))
        return Response(event, headers={"ETag": etag(event)})

    @post(
        "/{event_id:str}/copy",
        operation_id="copy_event",
        summary="Copy an event",
        response_headers=[*ETAG, *LOCATION],
        responses=problems(*BODY_PROBLEMS, 401, 403, 404, codes={409: ["too_many_events", "too_many_pending_hosts"]}),
    )
    async def copy_event(
        self,
        request: Authenticated,
        event_id: FromPath[str],
        data: JSONBody[EventCopy],
        event_copies: NamedDependency[EventCopyRepository],
    ) -> Response[Event]:
        """Creates an event with the settings, co-hosts and metadata of this one, and nobody registered. Only hosts can
        do this.

        Fields that you send replace those of the original. The end and the registration window move with the start, by
        the wall clock of the event's time zone. The copy is `published` unless you send another `status`. The caller
        organizes it, and the organizer of the original becomes a co-host. Hosts who block the caller, or whom the
        caller blocks, do not become co-hosts.
        """
        copy = await event_copies.create(event_id, data, request.user, once_of(request))
        return Response(copy, headers={"Location": f"/events/{copy.id}", "ETag": etag(copy)})


def _metadata(request: Anybody) -> dict[str, str]:
    """Returns the values of the parameters `metadata.<key>` by key."""
    sent = request.query_params.dict() if request.scope["query_string"] else {}
    return {name.removeprefix(_METADATA): values[0] for name, values in sent.items() if name.startswith(_METADATA)}


def _viewer(caller: Caller | None) -> str | None:
    """Returns the caller's user ID, or None without a token and for a bot that acts for no user."""
    return (caller.user_id or None) if caller else None
