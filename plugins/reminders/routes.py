"""The routes: when to be reminded, and the outbox of bots."""

from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

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


@get(
    "/events/{event_id:str}/reminders",
    operation_id="get_event_reminders",
    response_headers=ETAG,
    summary="Read when an event reminds",
    responses=problems(401, 403, 404),
)
async def get_event_reminders(
    request: Authenticated, event_id: FromPath[str], plugin: PluginContext
) -> Response[list[Reminder]]:
    """By a host: how long before the start its participants are reminded; 24 hours and 1 hour unless set."""
    reminders = await offsets.get_event_offsets(plugin, event_id, request.user)
    return answer_unless_current(reminders, offsets.tag_of(reminders), request)


@put(
    "/events/{event_id:str}/reminders",
    operation_id="set_event_reminders",
    response_headers=ETAG,
    summary="Set when an event reminds",
    responses=problems(*BODY_PROBLEMS, 401, 403, 404, 412),
)
async def set_event_reminders(
    request: Authenticated,
    event_id: FromPath[str],
    data: JSONBody[list[Reminder]],
    plugin: PluginContext,
) -> Response[list[Reminder]]:
    """By a host: ten at most; `[]` for none. They are answered each once, the longest first. Participants who have
    set their own are reminded by those."""
    return _tagged(await offsets.set_event_offsets(plugin, event_id, data, expected_tags(request), request.user))


@get(
    "/users/me/reminders",
    operation_id="get_my_reminders",
    response_headers=ETAG,
    summary="Read when the caller is reminded",
    responses=problems(401, 403),
)
async def get_my_reminders(request: Authenticated, plugin: PluginContext) -> Response[list[Reminder]]:
    """What the caller has set for all events it attends; before that the usual 24 hours and 1 hour, which each event
    may change."""
    reminders = await offsets.get_user_offsets(plugin, request.user.user_id)
    return answer_unless_current(reminders, offsets.tag_of(reminders), request)


@put(
    "/users/me/reminders",
    operation_id="set_my_reminders",
    response_headers=ETAG,
    summary="Set when the caller is reminded",
    responses=problems(*BODY_PROBLEMS, 401, 403, 412),
)
async def set_my_reminders(
    request: Authenticated,
    data: JSONBody[list[Reminder] | None],
    plugin: PluginContext,
) -> Response[list[Reminder]]:
    """For all events the caller attends: ten at most; `[]` for no reminder at all, `null` for what each event says.
    It ends a `blocked` that a bot reported."""
    return _tagged(await offsets.set_user_offsets(plugin, request.user.user_id, data, expected_tags(request)))


@delete(
    "/users/me/reminders",
    operation_id="reset_my_reminders",
    summary="Be reminded as each event says",
    responses=problems(401, 403, 412, 507),
)
async def reset_my_reminders(request: Authenticated, plugin: PluginContext) -> None:
    """As `PUT` of `null`."""
    await offsets.set_user_offsets(plugin, request.user.user_id, None, expected_tags(request))


@post(
    "/deliveries/lease",
    operation_id="lease_deliveries",
    summary="Lease messages to send",
    status_code=200,
    opt=_DELIVER,
    responses=problems(*BODY_PROBLEMS, 401, 403, 409),
)
async def lease_deliveries(
    request: Authenticated, plugin: PluginContext, data: JSONBody[Lease | None] = None
) -> Deliveries:
    """By a bot with the scope `deliver`: what is due for users with a Telegram account, for this bot alone until the
    lease ends. What is not acknowledged by then is leased again: at least once, with the same `dedupe_key`. A
    reminder that fits no more (the event moved, was cancelled or has begun, the user has left) does not come."""
    return await outbox.lease_for_bot(plugin, data or Lease(), request.user)


@post(
    "/deliveries/{delivery_id:str}/ack",
    operation_id="acknowledge_delivery",
    summary="Say what became of a message",
    status_code=200,
    opt=_DELIVER,
    responses=problems(*BODY_PROBLEMS, 401, 403, 404, 409),
)
async def acknowledge_delivery(
    request: Authenticated, delivery_id: FromPath[str], data: JSONBody[Acknowledgement], plugin: PluginContext
) -> Acknowledged:
    """By the bot that leased it. `sent`: done. `retry`: leased again after `retry_after` seconds, or after a pause
    that grows. `blocked`: nothing more to this user until it acts again. Said twice it is answered the same. 404: the
    user or the event is gone; 409: another bot has it by now, or something else was said before."""
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
