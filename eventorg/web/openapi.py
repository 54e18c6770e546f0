"""The OpenAPI description: GET /openapi.json, and GET /docs with the files that it loads."""

from dataclasses import dataclass, field, fields
from functools import cached_property
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litestar import Request, Response, Router, get
from litestar.config.app import AppConfig
from litestar.config.response_cache import CACHE_FOREVER
from litestar.datastructures import CacheControlHeader
from litestar.exceptions import InternalServerException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, SwaggerRenderPlugin
from litestar.openapi.spec import (
    Components,
    OpenAPI,
    Schema,
    SecurityScheme,
)
from litestar.plugins import InitPlugin, OpenAPISchemaPlugin, ReceiveRoutePlugin
from litestar.routes import BaseRoute, HTTPRoute
from litestar.static_files import create_static_files_router
from litestar.typing import FieldDefinition
from msgspec import Raw

from eventorg import __version__
from eventorg.domain.errors import NotFound
from eventorg.domain.values import JSONOf
from eventorg.web.authentication import OPEN, SECURITY
from eventorg.web.headers import protect_page
from eventorg.web.openapi_document import complete
from eventorg.web.problems import Problem, problem_response
from eventorg.web.query_parameters import ANY_QUERY

if TYPE_CHECKING:
    from litestar._openapi.schema_generation import SchemaCreator  # has no public name

_ASSETS = "docs/assets"  # relative to /docs, so that it works behind a prefix too
_SUMMARY = """\
Create events, register for them, join waiting lists, and follow changes.

Times are RFC 3339, and responses use UTC. IDs are UUIDs. Use `me` for `{user_id}`, and an event's `code` for
`{event_id}`. Every error is a problem document (RFC 9457) with a stable `code`, in Russian or English as
`Accept-Language` asks. Resources have an `ETag`: send it in `If-Match` to avoid overwriting other people's changes, and
in `If-None-Match` to get 304 if nothing has changed. HEAD works wherever GET does."""


class _Docs(SwaggerRenderPlugin):
    """Swagger UI with scripts and styles from this server, and without a page for OAuth redirects."""

    def receive_router(self, router: Router) -> None:
        return


class ApiDescription(InitPlugin, ReceiveRoutePlugin, OpenAPISchemaPlugin):
    """A Litestar plugin that describes the API and shows the description."""

    def __init__(self) -> None:
        self._config = _openapi_config()

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Sets the OpenAPI configuration."""
        app_config.openapi_config = self._config
        return app_config

    def receive_route(self, route: BaseRoute) -> None:
        """Notes which operations of the route have a body that may be left out, and which refuse unknown parameters."""
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                operations = {(route.path_format or "/", method.lower()) for method in handler.http_methods}
                if handler.parsed_data_field and handler.parsed_data_field.has_default:
                    self._config.optional_bodies |= operations
                if not handler.opt.get("any_query"):
                    self._config.strict_queries |= operations

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        """Returns true for JSON that a field holds as it is."""
        return field_definition.annotation is Raw

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: "SchemaCreator") -> Schema:
        """Returns the schema of what the JSON holds, or of any JSON."""
        marks = [mark for mark in field_definition.metadata if isinstance(mark, JSONOf)]
        if not marks:
            return Schema()
        schema: Any = schema_creator.for_field_definition(FieldDefinition.from_annotation(marks[0].type))
        return schema  # type: ignore[no-any-return]


@dataclass
class _Config(OpenAPIConfig):
    """Makes a description that completes itself when it is rendered. Litestar has no hook for a whole description."""

    optional_bodies: set[tuple[str, str]] = field(default_factory=set)
    strict_queries: set[tuple[str, str]] = field(default_factory=set)

    def to_openapi_schema(self) -> OpenAPI:
        """Returns the description, to which Litestar adds paths and schemas."""
        plain = super().to_openapi_schema()
        description = _Description(**{each.name: getattr(plain, each.name) for each in fields(plain)})
        description.optional_bodies = self.optional_bodies
        description.strict_queries = self.strict_queries
        return description


class _Description(OpenAPI):
    """A description that says what Litestar does not, as soon as it is rendered with all paths in it."""

    optional_bodies: set[tuple[str, str]]
    strict_queries: set[tuple[str, str]]

    def to_schema(self) -> dict[str, Any]:
        """Returns the completed description as JSON objects."""
        return self._completed

    @cached_property
    def _completed(self) -> dict[str, Any]:
        complete(self, self.optional_bodies, self.strict_queries)
        return super().to_schema()


def _openapi_config() -> _Config:
    user = SecurityScheme(type="http", scheme="bearer", description="The token that `POST /login` returns.")
    bot = SecurityScheme(
        type="http",
        scheme="bearer",
        description="A bot's token (`evb_…`), which the operator creates. To act for a user, a bot with the scope "
        "`act` sends the header `X-Act-As: <user ID>` or `X-Act-As: telegram:<telegram ID>`.",
    )
    return _Config(
        title="eventorg",
        version=__version__,
        description=_SUMMARY,
        components=Components(security_schemes={"user": user, "bot": bot}),
        security=SECURITY,
        use_handler_docstrings=True,
        openapi_router=Router(
            path="/docs",
            route_handlers=[],
            before_request=_only_known_pages,
            after_request=protect_page,
            opt=OPEN | ANY_QUERY,
            include_in_schema=False,
        ),
        render_plugins=[
            _Docs(
                path="/",
                js_url=f"{_ASSETS}/swagger-ui-bundle.js",
                css_url=f"{_ASSETS}/swagger-ui.css",
                standalone_preset_js_url=f"{_ASSETS}/swagger-ui-standalone-preset.js",
                favicon="<link rel='icon' href='data:,'>",
            ),
        ],
    )


@get(
    "/openapi.json",
    opt=OPEN | ANY_QUERY,
    include_in_schema=False,
    sync_to_thread=False,
    cache=CACHE_FOREVER,
    cache_key_builder=lambda _: "openapi.json",
)
def get_openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Returns the description of every route, as OpenAPI 3.1."""
    document = JsonRenderPlugin.render_json(request, request.app.openapi_schema.to_schema())
    return Response(document, media_type="application/json")


def docs_assets() -> Router:
    """Returns a router for the files of Swagger UI. They come from a package of which nothing is imported."""
    files = Path(str(distribution("flask-swagger-ui").locate_file("flask_swagger_ui/dist")))
    return create_static_files_router(
        path=f"/{_ASSETS}",
        directories=[files],
        opt=OPEN | ANY_QUERY,
        include_in_schema=False,
        name="docs_assets",
        cache_control=CacheControlHeader(public=True, max_age=3600),
        exception_handlers={
            ValueError: _no_such_file,
            InternalServerException: _no_such_file,
        },  # an impossible file name
    )


def _no_such_file(request: Request[Any, Any, Any], _: Exception) -> Response[Problem]:
    return problem_response(request, NotFound())


def _only_known_pages(request: Request[Any, Any, Any]) -> None:
    """Raises `NotFound` for other paths below /docs, for which Litestar returns an HTML page."""
    if request.path_params:
        raise NotFound()
