"""The routes for the times of reminders."""

from litestar import Response, delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from eventorg.plugin import (
    BODY_PROBLEMS,
    ETAG,
    Authenticated,
    Context,
    answer_unless_current,
    expected_tags,
    problems,
)

from . import offsets
from .offsets import Reminder

PluginContext = NamedDependency[Context]


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
    """Sets at most ten reminders for all events you attend: `[]` for none, `null` to use those of each event."""
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


def _tagged(reminders: list[Reminder]) -> Response[list[Reminder]]:
    return Response(reminders, headers={"ETag": offsets.tag_of(reminders)})


ROUTES = (
    get_event_reminders,
    set_event_reminders,
    get_my_reminders,
    set_my_reminders,
    reset_my_reminders,
)
