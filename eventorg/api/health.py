"""GET /health: whether the server can serve."""

from typing import Literal

from litestar import get
from litestar.di import NamedDependency
from msgspec import Struct

from eventorg import __version__
from eventorg.extensions.worker import PluginWorker
from eventorg.repositories.health import HealthRepository
from eventorg.repositories.plugins import PluginRepository
from eventorg.web.authentication import OPEN
from eventorg.web.problems import problems
from eventorg.web.rate_limits import UNLIMITED


class Health(Struct, frozen=True):
    """The server serves; `plugins` tells the state of each."""

    status: Literal["ok"]
    version: str
    plugins: dict[str, str]


@get(
    "/health",
    operation_id="get_health",
    summary="Ask whether the server can serve",
    opt=OPEN | UNLIMITED,
    tags=["service"],
    security=[{}],
    responses=problems(),
)
async def get_health(
    health: NamedDependency[HealthRepository],
    plugins: NamedDependency[PluginRepository],
    workers: NamedDependency[list[PluginWorker]],
) -> Health:
    """200 once the server can read and write its file, 503 when it cannot. A plugin is `ok`, `retrying` what failed, or
    `failing` if something was set aside."""
    await health.probe()
    states = {state.name: state for state in await plugins.find_states()}
    return Health("ok", __version__, {worker.name: worker.health(states.get(worker.name)) for worker in workers})
