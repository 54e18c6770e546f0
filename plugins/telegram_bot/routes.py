"""The routes of the plugin: what the bot cannot do as a client of the API."""

from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from eventorg.plugin import BODY_PROBLEMS, Authenticated, Context, problems

from .postponing import NewTime, Postponement, postpone

PluginContext = NamedDependency[Context]


@post(
    "/events/{event_id:str}/postpone",
    operation_id="postpone_event",
    summary="Postpone an event",
    status_code=200,
    responses=problems(
        *BODY_PROBLEMS,
        401,
        403,
        codes={404: ["event_not_found"], 409: ["idempotency_in_flight"]},
    ),
)
async def postpone_event(
    request: Authenticated, event_id: FromPath[str], data: JSONBody[NewTime], plugin: PluginContext
) -> Postponement:
    """Moves an event to another time. Everybody who is registered or waits becomes a `maybe`, because they agreed to
    the old time. Only hosts can do this.

    Nobody of them is promoted from the waiting list meanwhile. People who are checked in or were added by name keep
    their places. The bot asks everybody else again.
    """
    return await postpone(plugin, event_id, data, request.user)


ROUTES = [postpone_event]
