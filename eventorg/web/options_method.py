"""OPTIONS: the methods of a path, and the media types that PATCH takes (RFC 5789, section 3.1)."""

from collections.abc import Iterable
from typing import Any

from litestar import Response
from litestar.routes import HTTPRoute
from litestar.types import Scope

from eventorg.web.bodies import accepted


def answer_options(route: HTTPRoute) -> None:
    """Sets the response to OPTIONS to all methods of the route.

    Litestar's own handler lists only the methods that the path had when its first handler was added, without HEAD.
    """
    if found := route.route_handler_map.get("OPTIONS"):
        found[0](_options_handler(allow(route.methods)))


def allow(methods: Iterable[str]) -> str:
    """Returns the `Allow` header for the methods of a path, with HEAD wherever there is GET."""
    return ", ".join(sorted({*methods, "HEAD"} if "GET" in methods else methods))


def _options_handler(methods: str) -> Any:
    headers = {"Allow": methods}
    if "PATCH" in methods:
        headers["Accept-Patch"] = ", ".join(accepted("PATCH"))

    def options_handler(scope: Scope) -> Response[None]:
        return Response(None, status_code=204, headers=headers)

    return options_handler
