"""The OpenAPI description: GET /openapi.json, and GET /docs with the files that it loads."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from importlib.metadata import distribution
from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from litestar import Request, Response, Router, get
from litestar.config.app import AppConfig
from litestar.config.response_cache import CACHE_FOREVER
from litestar.datastructures import CacheControlHeader
from litestar.exceptions import InternalServerException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import (
    Components,
    License,
    OpenAPI,
    Schema,
    SecurityScheme,
)
from litestar.plugins import InitPlugin, OpenAPISchemaPlugin, ReceiveRoutePlugin
from litestar.routes import BaseRoute, HTTPRoute
from litestar.static_files import create_static_files_router
from litestar.typing import FieldDefinition
from msgspec import Meta, Raw, Struct

from eventorg import __version__
from eventorg.domain.errors import NotFound
from eventorg.domain.values import Input, JSONOf
from eventorg.web.authentication import OPEN, SECURITY
from eventorg.web.docs_page import DocsPage
from eventorg.web.headers import protect_page
from eventorg.web.openapi_codes import add_codes
from eventorg.web.openapi_document import complete
from eventorg.web.openapi_elements import collection_schema, has_described_elements
from eventorg.web.openapi_examples import add_examples
from eventorg.web.openapi_navigation import TAGS, add_navigation
from eventorg.web.problems import Problem, problem_response
from eventorg.web.query_parameters import ANY_QUERY

if TYPE_CHECKING:
    from litestar._openapi.schema_generation import SchemaCreator  # has no public name

_SUMMARY = """\
Create events, register for them, join waiting lists, and follow changes.

Times are RFC 3339, and responses use UTC. IDs are UUIDs. Use `me` for `{user_id}`, and an event's `code` for
`{event_id}`. Every error is a problem document (RFC 9457) with a stable `code`, in Russian or English as
`Accept-Language` asks. Resources have an `ETag`: send it in `If-Match` to avoid overwriting other people's changes, and
in `If-None-Match` to get 304 if nothing has changed. HEAD works wherever GET does."""


class ApiDescription(InitPlugin, ReceiveRoutePlugin, OpenAPISchemaPlugin):
    """A Litestar plugin that describes the API and shows the description."""

    def __init__(self, refusals: Collection[str] = ()) -> None:
        self._config = _openapi_config()
        self._config.refusals = refusals

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
                self._config.media_types |= dict.fromkeys(operations, handler.opt.get("media_types", ()))

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        """Returns true for structs, typed dictionaries, JSON that a field holds as it is, and lists with rules for
        their elements."""
        if field_definition.annotation is Raw or field_definition.is_typeddict_type:
            return True
        if has_described_elements(field_definition):
            return True
        return not field_definition.is_union and field_definition.is_subclass_of(Struct)

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: "SchemaCreator") -> Schema:
        """Returns the schema of a type with its docstring, of what the JSON holds, of any JSON, or of a list."""
        if has_described_elements(field_definition):
            return collection_schema(field_definition, schema_creator)
        if field_definition.annotation is not Raw:
            return self._documented_schema(field_definition, schema_creator)
        marks = [mark for mark in field_definition.metadata if isinstance(mark, JSONOf)]
        if not marks:
            return Schema()
        schema: Any = schema_creator.for_field_definition(FieldDefinition.from_annotation(marks[0].type))
        return schema  # type: ignore[no-any-return]

    def _documented_schema(self, field_definition: FieldDefinition, schema_creator: "SchemaCreator") -> Schema:
        """Returns the schema that Litestar makes, with the type's docstring and the example of a whole body.

        Litestar takes the descriptions of fields from structs, but not from typed dictionaries.
        """
        others = [each for each in schema_creator.plugins if isinstance(each, OpenAPISchemaPlugin) and each is not self]
        litestars = next(each for each in others if each.is_plugin_supported_field(field_definition))
        schema = litestars.to_openapi_schema(field_definition, schema_creator)
        documented = field_definition.annotation
        schema.description = cleandoc(documented.__doc__ or "")
        if field_definition.is_typeddict_type:
            _describe_fields(schema, documented)
        elif issubclass(documented, Input):
            schema.additional_properties = False
            schema.examples = [documented.example] if documented.example is not None else None
        return schema


def _describe_fields(schema: Any, typed_dict: type) -> None:
    for name, hint in get_type_hints(typed_dict, include_extras=True).items():
        for mark in getattr(hint, "__metadata__", ()):
            if isinstance(mark, Meta):
                schema.properties[name].description = mark.description
                schema.properties[name].examples = mark.examples


@dataclass
class _Config(OpenAPIConfig):
    """Makes a description that completes itself when it is rendered. Litestar has no hook for a whole description."""

    optional_bodies: set[tuple[str, str]] = field(default_factory=set)
    strict_queries: set[tuple[str, str]] = field(default_factory=set)
    media_types: dict[tuple[str, str], Sequence[str]] = field(default_factory=dict)
    refusals: Collection[str] = ()

    def to_openapi_schema(self) -> OpenAPI:
        """Returns the description, to which Litestar adds paths and schemas."""
        plain = super().to_openapi_schema()
        description = _Description(**{each.name: getattr(plain, each.name) for each in fields(plain)})
        description.optional_bodies = self.optional_bodies
        description.strict_queries = self.strict_queries
        description.media_types = self.media_types
        description.refusals = self.refusals
        return description


class _Description(OpenAPI):
    """A description that says what Litestar does not, as soon as it is rendered with all paths in it."""

    optional_bodies: set[tuple[str, str]]
    strict_queries: set[tuple[str, str]]
    media_types: dict[tuple[str, str], Sequence[str]]
    refusals: Collection[str]

    def to_schema(self) -> dict[str, Any]:
        """Returns the completed description as JSON objects."""
        return self._completed

    @cached_property
    def _completed(self) -> dict[str, Any]:
        complete(self, self.optional_bodies, self.strict_queries)
        document = super().to_schema()
        add_navigation(document)
        add_codes(document, self.refusals)
        add_examples(document, self.media_types)
        return document


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
        tags=TAGS,
        license=License(name="MIT", identifier="MIT"),
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
            DocsPage(),
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
        path="/docs/assets",
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
