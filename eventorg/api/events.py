"""/events: making, reading, changing and removing events."""

from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from eventorg.api.authentication import OPTIONAL_SECURITY, PUBLIC, Anybody, Authenticated
from eventorg.api.conditional import ETAG, IfMatch, IfNoneMatch, answer, etag, expected_versions
from eventorg.api.messages import LOCATION, Done, done
from eventorg.api.problems import BODY_PROBLEMS, problems
from eventorg.domain.events import Event, EventPatch, NewEvent
from eventorg.repositories.events import EventRepository

Events = NamedDependency[EventRepository]


class EventController(Controller):
    """Wherever `{event_id}` stands, the event's short `code` will do."""

    path = "/events"
    tags = ("events",)

    @post(
        operation_id="create_event",
        summary="Create an event",
        response_headers=[*ETAG, *LOCATION],
        responses=problems(*BODY_PROBLEMS, 401, 403),
    )
    async def create_event(self, request: Authenticated, data: JSONBody[NewEvent], events: Events) -> Response[Event]:
        """The caller becomes the organizer. Only a title and the two times are required."""
        event = await events.create(data, request.user)
        return Response(event, headers={"Location": f"/events/{event.id}", "ETag": etag(event)})

    @get(
        "/{event_id:str}",
        operation_id="get_event",
        summary="Read an event",
        opt=PUBLIC,
        security=OPTIONAL_SECURITY,
        response_headers=ETAG,
        responses=problems(401, 404),
    )
    async def get_event(
        self,
        request: Anybody,
        event_id: FromPath[str],
        events: Events,
        if_none_match: IfNoneMatch = None,
    ) -> Response[Event]:
        """A draft or a private event is there for its hosts and participants only."""
        viewer_id = request.user.user_id if request.user else None
        return answer(await events.get(event_id, viewer_id), if_none_match)

    @patch(
        "/{event_id:str}",
        operation_id="update_event",
        summary="Change an event",
        response_headers=ETAG,
        responses=problems(*BODY_PROBLEMS, 401, 403, 404, 409, 412),
    )
    async def update_event(
        self,
        request: Authenticated,
        event_id: FromPath[str],
        data: JSONBody[EventPatch],
        events: Events,
        if_match: IfMatch = None,
    ) -> Response[Event]:
        """By the organizer or a co-host. A field left out stays as it is; `null` clears an optional one."""
        event = await events.update(event_id, data, expected_versions(if_match), request.user)
        return Response(event, headers={"ETag": etag(event)})

    @delete(
        "/{event_id:str}",
        operation_id="delete_event",
        summary="Delete an event",
        status_code=200,
        responses=problems(401, 403, 404, 412, 507),
    )
    async def delete_event(
        self, request: Authenticated, event_id: FromPath[str], events: Events, if_match: IfMatch = None
    ) -> Done:
        """By the organizer. Removes the event with its registrations; to call it off, cancel it."""
        await events.delete(event_id, expected_versions(if_match), request.user)
        return done(request, "event_deleted")
