"""A Litestar plugin that applies strict checks to all routes: the core's, the plugins', and those added later."""

from litestar.config.app import AppConfig
from litestar.handlers import HTTPRouteHandler
from litestar.plugins import InitPlugin, ReceiveRoutePlugin
from litestar.routes import BaseRoute, HTTPRoute

from eventorg.web.bodies import StrictRequest, body_check
from eventorg.web.constants import pass_constants
from eventorg.web.hooks import check_first
from eventorg.web.options_method import answer_options
from eventorg.web.problems import EXCEPTION_HANDLERS
from eventorg.web.query_parameters import QueryParameters
from eventorg.web.responses import JSONResponse


class StrictRoutes(InitPlugin, ReceiveRoutePlugin):
    """Decodes requests strictly, turns every failure into a problem document, and lists all methods in `Allow`.

    It also passes constants to handlers directly (see `eventorg.web.constants`)."""

    def __init__(self) -> None:
        self._checked: set[HTTPRouteHandler] = set()
        self._query = QueryParameters()

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Sets the classes of requests and responses, the error handlers, and the check of query parameters."""
        app_config.request_class = StrictRequest
        app_config.response_class = JSONResponse
        app_config.exception_handlers = {**EXCEPTION_HANDLERS, **app_config.exception_handlers}
        app_config.middleware.append(self._query)
        return app_config

    def receive_route(self, route: BaseRoute) -> None:
        """Adds the checks to each handler of the route.

        Litestar passes a path again when it gets a second handler, with the first one among the handlers.
        """
        if not isinstance(route, HTTPRoute):
            return
        for handler in set(route.route_handlers) - self._checked:
            self._checked.add(handler)
            check = body_check(handler)
            if check is not None:
                check_first(handler, check)
        answer_options(route)
        self._query.receive_route(route)
        pass_constants(route)
