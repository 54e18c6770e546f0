"""The routes for the times of reminders, and for bots that deliver messages."""

from typing import Annotated

from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, PathParameter

from eventorg.plugin import (
    BODY_PROBLEMS,
    ETAG,
    Authenticated,
    Context,
    answer_unless_current,
    by_bot,
    expected_tags,
    problems,
)

from . import offsets, outbox
from .offsets import Reminder
from .outbox import Acknowledged, Acknowledgement, Deliveries, Lease

PluginContext = NamedDependency[Context]
_DELIVER = by_bot("deliver", only=True)
_BY_BOT: list[dict[str, list[str]]] = [{"bot": ["deliver"]}]
DeliveryId = Annotated[str, PathParameter(description="The delivery's id.")]


@get(
    "/events/{event_id:str}/reminders",
    operation_id="get_event_reminders",
    response_headers=ETAG,
    summary="Get event reminders",
    responses=problems(401, 403, 404),
)
async def get_event_reminders(
    request: Authenticated, event_id: FromPath[str], plugin: PluginContext
) -> Response[list[Reminder]]:
    """Returns how long before the start participants are reminded. Only hosts can do this.

    Default: 24 hours and 1 hour.
    """
    reminders = await offsets.get_event_offsets(plugin, event_id, request.user)
    return answer_unless_current(reminders, offsets.tag_of(reminders), request)


@put(
    "/events/{event_id:str}/reminders",
    operation_id="set_event_reminders",
    response_headers=ETAG,
    summary="Set event reminders",
    responses=problems(*BODY_PROBLEMS, 401, 403, 404, 412),
)
async def set_event_reminders(
    request: Authenticated,
    event_id: FromPath[str],
    data: JSONBody[list[Reminder]],
    plugin: PluginContext,
) -> Response[list[Reminder]]:
    """Sets at most ten reminders, or `[]` for none. Only hosts can do this. The response lists each reminder once, the
    longest first. The reminders that participants have set for themselves take precedence."""
    return _tagged(await offsets.set_event_offsets(plugin, event_id, data, expected_tags(request), request.user))


@get(
    "/users/me/reminders",
    operation_id="get_my_reminders",
    response_headers=ETAG,
    summary="Get your reminders",
    responses=problems(401, 403),
)
async def get_my_reminders(request: Authenticated, plugin: PluginContext) -> Response[list[Reminder]]:
    """Returns the reminders that you have set for all events you attend. By default, 24 hours and 1 hour before
    the start, unless a host changes that for the event."""
    reminders = await offsets.get_user_offsets(plugin, request.user.user_id)
    return answer_unless_current(reminders, offsets.tag_of(reminders), request)


@put(
    "/users/me/reminders",
    operation_id="set_my_reminders",
    response_headers=ETAG,
    summary="Set your reminders",
    responses=problems(*BODY_PROBLEMS, 401, 403, 412),
)
async def set_my_reminders(
    request: Authenticated,
    data: JSONBody[list[Reminder] | None],
    plugin: PluginContext,
) -> Response[list[Reminder]]:
    """Sets at most ten reminders for all events you attend: `[]` for none, `null` to use those of each event. You
    receive messages again if a bot has reported you as `blocked`."""
    return _tagged(await offsets.set_user_offsets(plugin, request.user.user_id, data, expected_tags(request)))


@delete(
    "/users/me/reminders",
    operation_id="reset_my_reminders",
    summary="Reset your reminders",
    responses=problems(401, 403, 412, 507),
)
async def reset_my_reminders(request: Authenticated, plugin: PluginContext) -> None:
    """Uses the reminders of each event again. The same as `PUT` with `null`."""
    await offsets.set_user_offsets(plugin, request.user.user_id, None, expected_tags(request))


@post(
    "/deliveries/lease",
    operation_id="lease_deliveries",
    summary="Lease deliveries",
    status_code=200,
    opt=_DELIVER,
    security=_BY_BOT,
    responses=problems(*BODY_PROBLEMS, 401, 403, 409),
)
async def lease_deliveries(
    request: Authenticated, plugin: PluginContext, data: JSONBody[Lease | None] = None
) -> Deliveries:
    """Leases due messages for users with a Telegram account. Needs a bot token with the scope `deliver`. Only this bot
    has the messages until the lease ends. A message that is not acknowledged by then can be leased again, with the same
    `dedupe_key`: delivery is at least once. Obsolete reminders are left out: the event was moved, was cancelled, or has
    started, or the user has left."""
    return await outbox.lease_for_bot(plugin, data or Lease(), request.user)


@post(
    "/deliveries/{delivery_id:str}/ack",
    operation_id="acknowledge_delivery",
    summary="Acknowledge a delivery",
    status_code=200,
    opt=_DELIVER,
    security=_BY_BOT,
    responses=problems(*BODY_PROBLEMS, 401, 403, 404, 409),
)
async def acknowledge_delivery(
    request: Authenticated, delivery_id: DeliveryId, data: JSONBody[Acknowledgement], plugin: PluginContext
) -> Acknowledged:
    """Reports what happened to a message. Only the bot that leased it can do this.

    - `sent`: the message is done.
    - `retry`: the message can be leased again after `retry_after` seconds, or after a growing pause.
    - `blocked`: the user gets no messages until the user does something again.

    If you report the same result again, you get the same response. The server returns 404 if the user or event has been
    deleted, and 409 if another bot has leased the message or another result was reported before.
    """
    return await outbox.acknowledge(plugin, delivery_id, data, request.user)


def _tagged(reminders: list[Reminder]) -> Response[list[Reminder]]:
    return Response(reminders, headers={"ETag": offsets.tag_of(reminders)})


ROUTES = (
    get_event_reminders,
    set_event_reminders,
    get_my_reminders,
    set_my_reminders,
    reset_my_reminders,
    lease_deliveries,
    acknowledge_delivery,
)
