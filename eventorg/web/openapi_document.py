"""Completes the OpenAPI document that Litestar generates."""

from dataclasses import fields, replace
from http import HTTPStatus
from typing import Any

from litestar.openapi.spec import (
    OpenAPI,
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Parameter,
    RequestBody,
    Schema,
)
from litestar.openapi.spec.enums import OpenAPIType

from eventorg.domain.values import Input
from eventorg.web.bodies import JSON, MERGE_PATCH
from eventorg.web.conditional import IF_MATCH, IF_NONE_MATCH, UNLESS_MATCH
from eventorg.web.idempotency import KEY_PATTERN
from eventorg.web.problems import MEDIA_TYPE, describe

_REPETITION = (
    "A key that you choose. If you send the request again with the same key within 24 hours, the server does not "
    "repeat the work and returns the same response."
)
_PLAIN = {status.description: f"{status.phrase}." for status in HTTPStatus if status.description}
"""Short descriptions in place of those of `http.HTTPStatus`, which Litestar uses for a success."""


def complete(document: OpenAPI, optional_bodies: set[tuple[str, str]], strict_queries: set[tuple[str, str]]) -> None:
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
            schema.properties[name] = _named(_plain(property_schema), name)
    for path, item in (document.paths or {}).items():
        for method in ("get", "post", "put", "patch", "delete"):
            if operation := getattr(item, method):
                _complete_operation(operation, method, has_optional_body=(path, method) in optional_bodies)
                if (path, method) in strict_queries:
                    _describe_problems(operation, 422)


def _complete_operation(operation: Operation, method: str, *, has_optional_body: bool) -> None:
    if "412" in (operation.responses or {}):
        conditions = [_header("If-Match", IF_MATCH), _header("If-None-Match", UNLESS_MATCH)]
        operation.parameters = [*(operation.parameters or []), *conditions]
    _simplify(operation, has_optional_body=has_optional_body)
    if method == "get":
        _describe_condition(operation)
    else:
        _describe_problems(operation, 408, 413)
    if method == "patch" and isinstance(operation.request_body, RequestBody):
        content = operation.request_body.content
        content[MERGE_PATCH] = content[JSON]
    if method in ("post", "patch") and operation.security != []:
        _describe_repetition(operation)


def _describe_condition(operation: Operation) -> None:
    """Adds `If-None-Match` to an operation that responds with an `ETag`; see `eventorg.web.conditional`."""
    parameters: list[Any] = operation.parameters or []
    responses: dict[str, Any] = operation.responses or {}
    answered = responses.get("200")
    if not answered or "ETag" not in (answered.headers or {}):
        return
    operation.parameters = [*parameters, _header("If-None-Match", IF_NONE_MATCH)]
    tag = {"ETag": answered.headers["ETag"]}
    responses["304"] = OpenAPIResponse("Not modified: the `ETag` in `If-None-Match` is current.", headers=tag)


def _header(name: str, description: str) -> Parameter:
    return Parameter(name, "header", schema=Schema(type=OpenAPIType.STRING), description=description)


def _describe_repetition(operation: Operation) -> None:
    """Adds `Idempotency-Key` and the problems that it can cause."""
    schema = Schema(type=OpenAPIType.STRING, min_length=1, max_length=255, pattern=f"^{KEY_PATTERN}$")
    header = Parameter("Idempotency-Key", "header", schema=schema, description=_REPETITION)
    operation.parameters = [*(operation.parameters or []), header]
    _describe_problems(operation, 409, 422)


def _describe_problems(operation: Operation, *statuses: int) -> None:
    """Adds missing problems to an operation that describes its problems."""
    responses: dict[str, Any] = operation.responses or {}
    if any_problem := responses.get("503"):
        for status in statuses:
            content = {MEDIA_TYPE: OpenAPIMediaType(schema=any_problem.content[MEDIA_TYPE].schema)}
            responses.setdefault(str(status), OpenAPIResponse(describe(status), content=content))


def _simplify(operation: Operation, *, has_optional_body: bool) -> None:
    if operation.security == [{}]:
        operation.security = []  # the usual way to say that a route needs no token; generators know it
    else:
        _describe_problems(operation, 403, 404)  # for a bot that may not act for the user, or an unknown user
    if isinstance(operation.request_body, RequestBody):
        content = operation.request_body.content[JSON]
        operation.request_body.required = not has_optional_body
        content.schema = _plain(content.schema, nullable=not has_optional_body)
    for parameter in operation.parameters or []:
        if isinstance(parameter, Parameter):
            parameter.schema = _named(_plain(parameter.schema, nullable=False), parameter.name)
    responses: dict[str, Any] = operation.responses or {}
    if "400" in responses and MEDIA_TYPE not in (responses["400"].content or {}):
        del responses["400"]  # Litestar's own shape, which is never sent
    for response in responses.values():
        response.description = _PLAIN.get(response.description, response.description)
        response.headers = dict(sorted((response.headers or {}).items()))  # Litestar keeps them in a set
        for header in response.headers.values():
            if isinstance(header, OpenAPIHeader):
                header.schema = Schema(type=OpenAPIType.STRING)


def _plain(schema: Any, *, nullable: bool = True) -> Any:
    """Returns the schema without a `oneOf` of one arm, and without null unless it is `nullable`.

    Litestar describes an optional value as such a `oneOf`.
    """
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
        return Schema(all_of=[arm], description=schema.description) if schema.description else arm
    given = {each.name: value for each in fields(schema) if (value := getattr(schema, each.name)) is not None}
    return replace(arm, **given | {"one_of": None})


def _named(schema: Any, name: str) -> Any:
    """Returns the schema with a name for each list of values that stands beside another type.

    Generators make a class of such a list, and call it `Type1` unless it has a title.
    """
    if not isinstance(schema, Schema):
        return schema
    title = name.title().replace("_", "")
    if schema.enum is not None and None in schema.enum:
        values = Schema(type=OpenAPIType.STRING, enum=[value for value in schema.enum if value is not None])
        schema = replace(schema, type=None, enum=None, one_of=[values, Schema(type=OpenAPIType.NULL)])
    for arm in schema.one_of or []:
        if isinstance(arm, Schema) and (arm.enum is not None or arm.const is not None):
            arm.title = title
    return schema
