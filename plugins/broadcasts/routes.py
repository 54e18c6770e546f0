"""The routes for the broadcasts of an event."""

from typing import Annotated

from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, PathParameter

from eventorg.plugin import (
    BODY_PROBLEMS,
    ETAG,
    LOCATION,
    Authenticated,
    Context,
    Cursor,
    Limit,
    answer_unless_current,
    expected_versions,
    problems,
)

from .broadcasts import Broadcast, Broadcasts, NewBroadcast, tag_of
from .repository import HostsBroadcasts

PluginContext = NamedDependency[Context]
BroadcastId = Annotated[str, PathParameter(description="The broadcast's ID.")]
_NOT_FOUND = {404: ["event_not_found", "broadcast_not_found"]}


class BroadcastController(Controller):
    """The broadcasts of one event. Only hosts can use them."""

    path = "/events/{event_id:str}/broadcasts"

    @post(
        operation_id="create_broadcast",
        summary="Send a broadcast",
        status_code=202,
        response_headers=[*ETAG, *LOCATION],
        responses=problems(*BODY_PROBLEMS, 401, 403, 404, codes={429: ["too_many_broadcasts"]}),
    )
    async def create_broadcast(
        self, request: Authenticated, event_id: FromPath[str], data: JSONBody[NewBroadcast], plugin: PluginContext
    ) -> Response[Broadcast]:
        """Sends a message to the people of an event, now or at `send_at`. Only hosts can do this.

        The recipients are those who are in one of the groups `to` when it is sent. Each gets it once, as a delivery of
        the kind `broadcasts.message`. Who leaves before that does not get it. An event has at most 20 broadcasts in any
        24 hours (429 `too_many_broadcasts`), and those that were stopped count.
        """
        broadcast = await HostsBroadcasts(plugin, event_id, request.user).create(data)
        place = f"/events/{broadcast.event_id}/broadcasts/{broadcast.id}"
        return Response(broadcast, headers={"ETag": tag_of(broadcast), "Location": place})

    @get(operation_id="list_broadcasts", summary="List broadcasts", responses=problems(401, 403, 404, 422))
    async def list_broadcasts(
        self,
        request: Authenticated,
        event_id: FromPath[str],
        plugin: PluginContext,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Broadcasts:
        """Lists the broadcasts of an event, the newest first, with their counts. Only hosts can do this."""
        return await HostsBroadcasts(plugin, event_id, request.user).find(limit, cursor)

    @get(
        "/{broadcast_id:str}",
        operation_id="get_broadcast",
        summary="Get a broadcast",
        response_headers=ETAG,
        responses=problems(401, 403, codes=_NOT_FOUND),
    )
    async def get_broadcast(
        self, request: Authenticated, event_id: FromPath[str], broadcast_id: BroadcastId, plugin: PluginContext
    ) -> Response[Broadcast]:
        """Returns a broadcast with its counts. Only hosts can do this."""
        broadcast = await HostsBroadcasts(plugin, event_id, request.user).get(broadcast_id)
        return answer_unless_current(broadcast, tag_of(broadcast), request)

    @delete(
        "/{broadcast_id:str}",
        operation_id="cancel_broadcast",
        summary="Stop a broadcast",
        status_code=200,
        response_headers=ETAG,
        responses=problems(401, 403, 412, 507, codes=_NOT_FOUND),
    )
    async def cancel_broadcast(
        self, request: Authenticated, event_id: FromPath[str], broadcast_id: BroadcastId, plugin: PluginContext
    ) -> Response[Broadcast]:
        """Stops what still waits. Only hosts can do this. Messages that a bot has leased can still arrive. A second
        call returns the same. `If-Match` compares whether the broadcast was stopped, not the counts."""
        cancelled = await HostsBroadcasts(plugin, event_id, request.user).cancel(
            broadcast_id, expected_versions(request)
        )
        return Response(cancelled, headers={"ETag": tag_of(cancelled)})
