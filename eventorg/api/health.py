"""GET /health: checks that the server can serve requests."""

from typing import Annotated, Literal

from litestar import get
from litestar.di import NamedDependency
from msgspec import Meta, Struct

from eventorg import __version__
from eventorg.extensions.gates import PluginGates
from eventorg.extensions.worker import PluginWorker
from eventorg.repositories.health import HealthRepository
from eventorg.repositories.plugins import PluginRepository
from eventorg.web.authentication import OPEN
from eventorg.web.problems import problems
from eventorg.web.query_parameters import ANY_QUERY
from eventorg.web.rate_limits import UNLIMITED


class Health(Struct, frozen=True):
    """The health of the server."""

    status: Annotated[Literal["ok"], Meta(description="The server can serve requests.", examples=["ok"])]
    version: Annotated[str, Meta(description="The version of eventorg.", examples=[__version__])]
    plugins: Annotated[
        dict[str, str],
        Meta(
            description="The state of each plugin: `ok`, `retrying`, `failing`, or a sentence about a problem.",
            examples=[{"reminders": "ok"}],
        ),
    ]


@get(
    "/health",
    operation_id="get_health",
    summary="Check health",
    opt=OPEN | UNLIMITED | ANY_QUERY,
    tags=["service"],
    security=[{}],
    responses=problems(507),
)
async def get_health(
    health: NamedDependency[HealthRepository],
    plugins: NamedDependency[PluginRepository],
    workers: NamedDependency[list[PluginWorker]],
    plugin_gates: NamedDependency[PluginGates],
) -> Health:
    """Returns 200 if the server can read and write its database, and 503 if it cannot.

    A plugin is `ok`, `retrying` (it retries a change or restarts after a crash), or `failing` (it gave up on a change,
    crashed eight times in a row, or could not check its rule about who may register). A plugin that works can show a
    sentence about a problem that you can solve instead.
    """
    await health.probe()
    states = {state.name: state for state in await plugins.find_states()}
    plugins_health: dict[str, str] = {worker.name: worker.health(states.get(worker.name)) for worker in workers}
    failing = {name: "failing" for name in plugins_health if plugin_gates.is_failing(name)}
    return Health("ok", __version__, plugins_health | failing)
