"""Dependencies that have the same value in every request, passed to handlers without Litestar's resolution.

Litestar calls a provider in each request, two of them in a group of tasks, even if it has cached the value.
"""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.routes import HTTPRoute


class Constant(Provide):
    """A dependency with one value. It has it as a closure, because Litestar makes deep copies of dependencies.

    Litestar compares each provider with every other one, for each handler. Comparing what they are instead of what they
    hold takes a tenth from the start.
    """

    def __init__(self, value: Any) -> None:
        def provide() -> Any:
            return value

        super().__init__(provide, sync_to_thread=False, use_cache=True)

    __eq__ = object.__eq__
    __hash__ = object.__hash__


def constants(**values: Any) -> dict[str, Provide]:
    """Returns dependencies that have these values in every request."""
    return {name: Constant(value) for name, value in values.items()}


def pass_constants(route: HTTPRoute) -> None:
    """Passes constants to the handlers of a route directly. Other dependencies stay, and so do the constants that
    they need themselves."""
    for _, model in route.route_handler_map.values():
        batches = model.dependency_batches
        needed = {inner.key for batch in batches for each in batch for inner in each.dependencies}
        values = {
            each.key: each.provide.dependency()
            for batch in batches
            for each in batch
            if isinstance(each.provide, Constant) and each.key not in needed
        }
        if not values:
            continue
        rest = [{each for each in batch if each.key not in values} for batch in batches]
        model.dependency_batches = [batch for batch in rest if batch]
        model.extractors.append(_extractor(values))


def _extractor(values: dict[str, Any]) -> Any:
    async def extract(found: dict[str, Any], _: ASGIConnection[Any, Any, Any, Any]) -> None:
        found.update(values)

    return extract
