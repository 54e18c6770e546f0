"""OPTIONS, which Litestar answers for every path: with the methods the path has when all is wired."""

from collections.abc import Iterable
from typing import Any

from litestar import Litestar, Response
from litestar.routes import HTTPRoute
from litestar.types import Scope


def finish_options(app: Litestar) -> None:
    """Has OPTIONS tell every method of its path. Litestar's own handler keeps to those that were there when the first
    of several handlers of a path was added."""
    for route in app.routes:
        if isinstance(route, HTTPRoute) and (found := route.route_handler_map.get("OPTIONS")):
            found[0](_telling(allow(route.methods)))


def allow(methods: Iterable[str]) -> str:
    """The header `Allow` for the methods a path has handlers for; where there is GET, there is HEAD."""
    return ", ".join(sorted({*methods, "HEAD"} if "GET" in methods else methods))


def _telling(methods: str) -> Any:
    def options_handler(scope: Scope) -> Response[None]:
        return Response(None, status_code=204, headers={"Allow": methods})

    return options_handler
