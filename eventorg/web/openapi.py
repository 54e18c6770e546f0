"""The description of the API: GET /openapi.json, and GET /docs with everything it loads."""

from dataclasses import dataclass, field, fields, replace
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
    OpenAPIHeader,
    OpenAPIResponse,
    Operation,
    Parameter,
    RequestBody,
    Schema,
    SecurityScheme,
)
from litestar.openapi.spec.enums import OpenAPIType
from litestar.plugins import InitPlugin, OpenAPISchemaPlugin, ReceiveRoutePlugin
from litestar.routes import BaseRoute, HTTPRoute
from litestar.static_files import create_static_files_router
from litestar.typing import FieldDefinition
from msgspec import Raw

from eventorg import __version__
from eventorg.domain.errors import NotFound
from eventorg.domain.values import Input, JSONOf
from eventorg.web.authentication import OPEN, SECURITY
from eventorg.web.conditional import IF_MATCH, IF_NONE_MATCH
from eventorg.web.headers import protect_page
from eventorg.web.idempotency import KEY_PATTERN
from eventorg.web.problems import MEDIA_TYPE, Problem, describe, problem_response

if TYPE_CHECKING:
    from litestar._openapi.schema_generation import SchemaCreator  # has no public name

_ASSETS = "docs/assets"  # relative to /docs, so that it works behind a prefix too
_REPETITION = "With the same key, the same request within 24 hours is done once and answered the same."
_SUMMARY = """\
People sign up, create events, register, wait for a seat and are told what changes.

Times are RFC 3339 and answered in UTC. Ids are UUIDs; an event's `code` will do wherever its id does. Every error
is a problem document (RFC 9457) with a stable `code`, in Russian or in English as `Accept-Language` asks.
A resource has an `ETag`; `If-Match` guards a change, `If-None-Match` saves an answer. HEAD answers as GET
does, without the body."""


class _Docs(SwaggerRenderPlugin):
    """Swagger UI whose scripts and styles come from this server; there is no OAuth to redirect from."""

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
        """Notes which operations of the route have a body that may be left out: Litestar requires every body."""
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                if handler.parsed_data_field and handler.parsed_data_field.has_default:
                    methods = (method.lower() for method in handler.http_methods)
                    self._config.optional_bodies.update((route.path_format or "/", method) for method in methods)

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

    def to_openapi_schema(self) -> OpenAPI:
        """Returns the description, to which Litestar adds paths and schemas."""
        plain = super().to_openapi_schema()
        description = _Description(**{each.name: getattr(plain, each.name) for each in fields(plain)})
        description.optional_bodies = self.optional_bodies
        return description


class _Description(OpenAPI):
    """A description that says what Litestar does not, as soon as it is rendered with all paths in it."""

    optional_bodies: set[tuple[str, str]]

    def to_schema(self) -> dict[str, Any]:
        """Returns the completed description as JSON objects."""
        return self._completed

    @cached_property
    def _completed(self) -> dict[str, Any]:
        _complete(self, self.optional_bodies)
        return super().to_schema()


def _openapi_config() -> _Config:
    user = SecurityScheme(type="http", scheme="bearer", description="The token of `POST /login`.")
    bot = SecurityScheme(
        type="http",
        scheme="bearer",
        description="A bot's token (`evb_…`), made by the operator. With the scope `act` and the header `X-Act-As: "
        "<user id>` or `X-Act-As: telegram:<telegram id>` the request is done as that user.",
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
            opt=OPEN,
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
    opt=OPEN,
    include_in_schema=False,
    sync_to_thread=False,
    cache=CACHE_FOREVER,
    cache_key_builder=lambda _: "openapi.json",
)
def get_openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The description of every route, as OpenAPI 3.1."""
    document = JsonRenderPlugin.render_json(request, request.app.openapi_schema.to_schema())
    return Response(document, media_type="application/json")


def docs_assets() -> Router:
    """The files of Swagger UI, out of the package that brings them (nothing of it is imported)."""
    files = Path(str(distribution("flask-swagger-ui").locate_file("flask_swagger_ui/dist")))
    return create_static_files_router(
        path=f"/{_ASSETS}",
        directories=[files],
        opt=OPEN,
        include_in_schema=False,
        name="docs_assets",
        cache_control=CacheControlHeader(public=True, max_age=3600),
        exception_handlers={ValueError: _no_such_file, InternalServerException: _no_such_file},  # no possible name
    )


def _complete(document: OpenAPI, optional_bodies: set[tuple[str, str]]) -> None:
    """Adds what Litestar leaves out.

    Bodies have no fields besides those named. A body or a parameter that may be left out is never null. Headers are
    text. Requests may be repeated or conditional. Every error is a problem document.
    """
    schemas: dict[str, Any] = document.components.schemas or {}
    for body in Input.__subclasses__():
        if body.__name__ in schemas:
            schemas[body.__name__].additional_properties = False
    for schema in schemas.values():
        for name, property_schema in (schema.properties or {}).items():
            schema.properties[name] = _plain(property_schema)
    for path, item in (document.paths or {}).items():
        for method in ("get", "post", "put", "patch", "delete"):
            if operation := getattr(item, method):
                _complete_operation(operation, method, has_optional_body=(path, method) in optional_bodies)


def _complete_operation(operation: Operation, method: str, *, has_optional_body: bool) -> None:
    if "412" in (operation.responses or {}):
        operation.parameters = [*(operation.parameters or []), _header("If-Match", IF_MATCH)]
    _simplify(operation, has_optional_body=has_optional_body)
    if method == "get":
        _describe_condition(operation)
    else:
        _describe_problems(operation, 408, 413)
    if method in ("post", "patch") and operation.security != []:
        _describe_repetition(operation)


def _describe_condition(operation: Operation) -> None:
    """Names `If-None-Match` where an `ETag` is answered (`eventorg.web.conditional` looks it up itself)."""
    parameters: list[Any] = operation.parameters or []
    responses: dict[str, Any] = operation.responses or {}
    answered = responses.get("200")
    if not answered or "ETag" not in (answered.headers or {}):
        return
    operation.parameters = [*parameters, _header("If-None-Match", IF_NONE_MATCH)]
    tag = {"ETag": answered.headers["ETag"]}
    responses["304"] = OpenAPIResponse("It is still what `If-None-Match` names.", headers=tag)


def _header(name: str, description: str) -> Parameter:
    return Parameter(name, "header", schema=Schema(type=OpenAPIType.STRING), description=description)


def _describe_repetition(operation: Operation) -> None:
    """Names `Idempotency-Key`, and the answers it can lead to."""
    schema = Schema(type=OpenAPIType.STRING, min_length=1, max_length=255, pattern=f"^{KEY_PATTERN}$")
    header = Parameter("Idempotency-Key", "header", schema=schema, description=_REPETITION)
    operation.parameters = [*(operation.parameters or []), header]
    _describe_problems(operation, 409, 422)


def _describe_problems(operation: Operation, *statuses: int) -> None:
    """Adds those that are not there yet, to a route that describes its problems."""
    responses: dict[str, Any] = operation.responses or {}
    if any_problem := responses.get("503"):
        for status in statuses:
            responses.setdefault(str(status), replace(any_problem, description=describe(status)))


def _simplify(operation: Operation, *, has_optional_body: bool) -> None:
    if operation.security == [{}]:
        operation.security = []  # OpenAPI's own word for a route without tokens, and the one that generators know
    else:
        _describe_problems(operation, 403, 404)  # of a bot that may not act for a user, or names none
    if isinstance(operation.request_body, RequestBody):
        content = operation.request_body.content["application/json"]
        operation.request_body.required = not has_optional_body
        content.schema = _plain(content.schema, nullable=not has_optional_body)
    for parameter in operation.parameters or []:
        if isinstance(parameter, Parameter):
            parameter.schema = _plain(parameter.schema, nullable=False)
    responses: dict[str, Any] = operation.responses or {}
    if "400" in responses and MEDIA_TYPE not in (responses["400"].content or {}):
        del responses["400"]  # Litestar's own shape, which is never answered
    for response in responses.values():
        for header in (response.headers or {}).values():
            if isinstance(header, OpenAPIHeader):
                header.schema = Schema(type=OpenAPIType.STRING)


def _plain(schema: Any, *, nullable: bool = True) -> Any:
    """The schema without a choice of one arm, which is how Litestar describes what may be left out, and, unless it is
    `nullable`, without null."""
    if not isinstance(schema, Schema):
        return schema
    arms, values = list(schema.one_of or []), schema.enum
    if not nullable:
        arms = [arm for arm in arms if not (isinstance(arm, Schema) and arm.type == OpenAPIType.NULL)]
        if values is not None and None in values:
            schema = replace(schema, type=OpenAPIType.STRING, enum=[value for value in values if value is not None])
    if len(arms) != 1:
        return schema
    (arm,) = arms
    if not isinstance(arm, Schema):
        return arm
    given = {each.name: value for each in fields(schema) if (value := getattr(schema, each.name)) is not None}
    return replace(arm, **given | {"one_of": None})


def _no_such_file(request: Request[Any, Any, Any], _: Exception) -> Response[Problem]:
    return problem_response(request, NotFound())


def _only_known_pages(request: Request[Any, Any, Any]) -> None:
    """Litestar answers any other path below /docs with a page of its own; ours is a problem document."""
    if request.path_params:
        raise NotFound()
