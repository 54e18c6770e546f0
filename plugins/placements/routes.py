"""The routes of the placements. Bots with the scope `deliver` call them, acting for a host or by themselves."""

import re
from typing import Annotated, Final

from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, PathParameter, QueryParameter

from eventorg.plugin import (
    BODY_PROBLEMS,
    ETAG,
    Authenticated,
    Context,
    Cursor,
    Limit,
    by_bot,
    expected_tags,
    language_for,
    problems,
    unless_disconnected,
)

from . import leases, repository
from .placements import (
    MAX_OPAQUE,
    AcknowledgedPlacements,
    ChatEvents,
    LeasedPlacements,
    NewPlacement,
    Placement,
    PlacementLease,
    PlacementResults,
    Placements,
    Since,
    check_number_of_results,
)

PluginContext = NamedDependency[Context]
PlacementId = Annotated[str, PathParameter(description="The placement's ID.")]
ChatId = Annotated[str, QueryParameter(description="Your ID of the chat.", min_length=1, max_length=MAX_OPAQUE)]
From = Annotated[
    str | None,
    QueryParameter(
        name="from",
        description="Only events that start at or after this time.",
        schema_extra={"format": "date-time"},
    ),
]
DELIVERS: Final = by_bot("deliver", only=True)
BY_BOT: Final[list[dict[str, list[str]]]] = [{"bot": ["deliver"]}]
NEW: Final = ResponseSpec(Placement, generate_examples=False, description="The placement is new.")
_MAX_BATCH_BYTES: Final = 256 * 1024
_LOST_PLUS: Final = re.compile(r" (\d\d:\d\d)$")


@put(
    "/events/{event_id:str}/placements",
    operation_id="put_placement",
    summary="Place a card",
    opt=DELIVERS,
    security=BY_BOT,
    response_headers=ETAG,
    responses={201: NEW} | problems(*BODY_PROBLEMS, 401, 403, 404, 412, codes={409: ["too_many_placements"]}),
)
async def put_placement(
    request: Authenticated, event_id: FromPath[str], data: JSONBody[NewPlacement], plugin: PluginContext
) -> Response[Placement]:
    """Says that a message of the bot shows the card of an event. The bot then gets the card's changes by
    `POST /placements/lease`. 201: the placement is new. 200: it exists already, and takes over these values.

    The place is the `chat_id` and the `message_id`, of this bot. If it shows another event, it moves to this one. It is
    leased again in each case.

    Without `X-Act-As`, the event must be public or unlisted, and no draft. If the event becomes private, the placement
    is not leased until it is public or unlisted again. Acting for a host, the event may be private, and the placement
    ends when the user is no longer a host.

    A bot has up to 1,000 placements of an event. More are 409 `too_many_placements`.
    """
    made = await repository.put(
        plugin, event_id, data, language_for(request.scope), expected_tags(request), request.user
    )
    placement, is_new = made
    return Response(placement, status_code=201 if is_new else 200, headers={"ETag": placement.tag})


@get(
    "/events/{event_id:str}/placements",
    operation_id="list_placements",
    summary="List placements",
    opt=DELIVERS,
    security=BY_BOT,
    responses=problems(401, 403, 404, 422),
)
async def list_placements(
    request: Authenticated,
    event_id: FromPath[str],
    plugin: PluginContext,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Placements:
    """Lists the places where the bot has posted the card of an event, oldest first."""
    return await repository.find(plugin, event_id, limit, cursor, request.user)


@delete(
    "/placements/{placement_id:str}",
    operation_id="delete_placement",
    summary="Delete a placement",
    opt=DELIVERS,
    security=BY_BOT,
    responses=problems(401, 403, 412, 507, codes={404: ["placement_not_found"]}),
)
async def delete_placement(request: Authenticated, placement_id: PlacementId, plugin: PluginContext) -> None:
    """Forgets a placement of the bot. The message stays as it is."""
    await repository.delete(plugin, placement_id, expected_tags(request), request.user)


@post(
    "/placements/lease",
    operation_id="lease_placements",
    summary="Lease placements",
    status_code=200,
    opt=DELIVERS,
    security=BY_BOT,
    responses=problems(*BODY_PROBLEMS, 401, 403, 409, codes={429: ["too_many_waiting"]}),
)
async def lease_placements(
    request: Authenticated, plugin: PluginContext, data: JSONBody[PlacementLease | None] = None
) -> LeasedPlacements:
    """Leases messages of the bot that do not show the newest card, with its text. Waits up to `timeout` seconds for
    one.

    Edit each message, and then acknowledge it. Until then, or until the lease ends, it is not leased again. Changes in
    the meantime are one lease. A message that was leased less than three seconds ago is leased again only at the end of
    the wait, so that a bot that waits does not edit a message more often.

    Up to 20 requests of a bot can wait at the same time. More are 429 `too_many_waiting`. If the token is revoked
    during the wait, the response is 401.
    """
    work = leases.lease(plugin, data or PlacementLease(), request.user, request.auth)
    return await unless_disconnected(request, work) or LeasedPlacements([])


@post(
    "/placements/ack",
    operation_id="acknowledge_placements",
    summary="Acknowledge placements",
    status_code=200,
    opt=DELIVERS,
    security=BY_BOT,
    request_max_body_size=_MAX_BATCH_BYTES,
    responses=problems(*BODY_PROBLEMS, 401, 403, 409),
)
async def acknowledge_placements(
    request: Authenticated, data: JSONBody[PlacementResults], plugin: PluginContext
) -> AcknowledgedPlacements:
    """Reports the results of at most 1,000 edits. The response has one entry for each, in the same order.

    `shown`: the message shows the card with this `etag`. If that is not the newest one, the message is leased again.
    `gone`: the placement is deleted. `retry`: it can be leased again after `retry_after` seconds, or after a growing
    pause. For an unknown placement, the entry has the code `placement_not_found`.
    """
    check_number_of_results(data)
    return await leases.acknowledge(plugin, data.results, request.user)


@get(
    "/placements/events",
    operation_id="list_chat_events",
    summary="List the events of a chat",
    opt=DELIVERS,
    security=BY_BOT,
    responses=problems(401, 403, 422),
)
async def list_chat_events(
    request: Authenticated,
    plugin: PluginContext,
    chat_id: ChatId,
    start_from: From = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> ChatEvents:
    """Lists the events whose cards the bot has posted in a chat, by start time. Placements that the bot does not get
    to lease, because the event has become private for example, do not count."""
    return await repository.find_events(plugin, chat_id, _time(start_from), limit, cursor, request.user)


def _time(given: str | None) -> str:
    """Returns a time in UTC, or an empty text. Raises `Invalid`.

    A `+` that is not percent-encoded arrives as a space.
    """
    return Since(start_from=given and _LOST_PLUS.sub(r"+\1", given)).start_from or ""


ROUTES: Final = (
    put_placement,
    list_placements,
    delete_placement,
    lease_placements,
    acknowledge_placements,
    list_chat_events,
)
