"""Problem documents (RFC 9457): one shape for every failure, in the client's language.

Only this module maps errors to HTTP statuses.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.types import ExceptionHandlersMap
from msgspec import UNSET, Meta, Struct, UnsetType

from eventorg.domain import errors
from eventorg.domain.values import instant
from eventorg.locales.explanations import explain, explain_code, explain_fault
from eventorg.logs import request_id_now
from eventorg.web.errors import HeadTooLarge, Malformed, TargetTooLong, TooSlow, UnsupportedMediaType
from eventorg.web.headers import language_for
from eventorg.web.options_method import allow

MEDIA_TYPE = "application/problem+json"
TYPE = "/problems/"
"""The beginning of `type`; the code follows."""

STATUS: dict[type[errors.DomainError], int] = {
    Malformed: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    TooSlow: 408,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.VersionMismatch: 412,
    TargetTooLong: 414,
    UnsupportedMediaType: 415,
    errors.Invalid: 422,
    errors.TooMany: 429,
    HeadTooLarge: 431,
    errors.Unavailable: 503,
    errors.StorageFull: 507,
}
FRAMEWORK_CODES = {
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
    429: "too_many_requests",
    503: "unavailable",
}

log = structlog.get_logger("eventorg.api")


class Fault(Struct, frozen=True):
    """An error of one field."""

    field: Annotated[str, Meta(description="The path of the field. Empty: the whole input.", examples=["title"])]
    code: Annotated[str, Meta(description="A stable code.", examples=["too_long"])]
    message: Annotated[str, Meta(description="Text for people.", examples=["The maximum length is 200."])]


class Problem(Struct, frozen=True, omit_defaults=True):
    """A problem document (RFC 9457)."""

    type: Annotated[str, Meta(description="A URI of the kind of problem.", examples=[f"{TYPE}event_not_found"])]
    title: Annotated[str, Meta(description="The problem in short, for people.", examples=["Event not found"])]
    status: Annotated[int, Meta(description="The HTTP status.", examples=[404])]
    detail: Annotated[
        str,
        Meta(
            description="Text for people, in the language of `Accept-Language`.",
            examples=["The event does not exist, or you do not have access to it."],
        ),
    ]
    code: Annotated[str, Meta(description="A stable code.", examples=["event_not_found"])]
    errors: Annotated[list[Fault], Meta(description="With status 422 only: the fields that are wrong.")] | UnsetType = (
        UNSET
    )
    opens_at: (
        Annotated[str, instant("With `registration_not_open`: the time from which people can register.")] | UnsetType
    ) = UNSET
    closes_at: (
        Annotated[str, instant("With `registration_closed`: the time at which registration ended.")] | UnsetType
    ) = UNSET
    data: (
        Annotated[
            dict[str, Any],
            Meta(description="With the code of a plugin only: what the client needs. The plugin describes it."),
        ]
        | UnsetType
    ) = UNSET
    request_id: (
        Annotated[str, Meta(description="With status 500 only: the operator finds the cause in the log with it.")]
        | UnsetType
    ) = UNSET


def problem_response(request: Request[Any, Any, Any], error: errors.DomainError) -> Response[Problem]:
    """Returns the response to a domain error."""
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    headers: dict[str, str] = {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, errors.TooMany | errors.Unavailable):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, UnsupportedMediaType):
        headers |= error.headers
    if isinstance(error, TooSlow):
        headers["Connection"] = "close"
    broken = error.errors if isinstance(error, errors.Invalid) else None
    return _response(request, status, error.code, headers, broken, error)


def _framework_response(request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    """Returns the response to an exception that Litestar raises."""
    if isinstance(error, ValidationException):
        return problem_response(request, _invalid(error))
    if error.status_code >= 500 and error.status_code not in FRAMEWORK_CODES:
        return _unhandled_response(request, error)
    given = {name.lower(): value for name, value in (error.headers or {}).items()}
    headers: dict[str, str] = {name: given[name] for name in ("allow", "retry-after") if name in given}
    if methods := headers.get("allow"):
        headers["allow"] = allow(methods.split(", "))
    return _response(request, error.status_code, FRAMEWORK_CODES.get(error.status_code, "bad_request"), headers)


def _unhandled_response(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """Logs an unhandled error with its traceback, and returns a response without detail."""
    log.error("request_failed", path=request.scope.get("path_template"), exc_info=error)
    return _response(request, 500, "internal_error", {})


def _invalid(error: ValidationException) -> errors.DomainError:
    """Returns the error for a parameter of the wrong type or for a missing body."""
    extra = error.extra if isinstance(error.extra, list) else []
    if any(item.get("key") == "data" for item in extra):
        return Malformed("malformed_json")
    return errors.Invalid(*(errors.FieldError(item.get("key", ""), "invalid") for item in extra))


def _response(
    request: Request[Any, Any, Any],
    status: int,
    code: str,
    headers: dict[str, str],
    broken: tuple[errors.FieldError, ...] | None = None,
    error: errors.DomainError | None = None,
) -> Response[Problem]:
    language = language_for(request.scope)
    faults = broken and [Fault(e.field, e.code, explain_fault(language, e)) for e in broken]
    title, detail = explain(language, error) if error else explain_code(language, code)
    problem = Problem(
        type=f"{TYPE}{code}",
        title=title,
        status=status,
        detail=detail,
        code=code,
        errors=faults or UNSET,
        **(error.members if error else {}),
        request_id=(request_id_now.get() if status == 500 else None) or UNSET,
    )
    headers |= _of_language(language)
    return Response(problem, status_code=status, media_type=MEDIA_TYPE, headers=headers)


def headers_of(language: str) -> dict[str, str]:
    """Returns the headers of a problem document in this language, other than those of its status."""
    return {"Content-Type": MEDIA_TYPE} | _of_language(language)


def _of_language(language: str) -> dict[str, str]:
    return {"Content-Language": language, "Vary": "Accept-Language", "Cache-Control": "no-store"}


EXCEPTION_HANDLERS: ExceptionHandlersMap = {
    errors.DomainError: problem_response,
    HTTPException: _framework_response,
    Exception: _unhandled_response,
}

_DESCRIPTIONS = {
    400: "The body is not JSON in UTF-8.",
    401: "The token is missing, malformed, expired, or revoked.",
    403: "The caller may not do this; see `code`.",
    404: "Not found, or not visible to the caller.",
    408: "The request did not arrive in time.",
    409: "Conflicts with the current state; see `code`.",
    410: "The change is no longer kept, or a backup from before it was restored. Read the lists again, then continue "
    "with `after=<as_of>`.",
    412: "`If-Match` or `If-None-Match` does not allow it: the resource has changed, or the ETag is invalid.",
    413: "The body is larger than 64 KiB, or than 256 KiB for `POST /deliveries/ack`.",
    415: "The body is not JSON in UTF-8, or it is compressed. `Accept` and `Accept-Encoding` name what is accepted.",
    422: "Invalid input; see `errors`.",
    429: "Too many requests or failed attempts. Wait for `Retry-After` seconds.",
    503: "The server is busy, or the database is unavailable. Nothing was changed. Retry after `Retry-After` seconds.",
    507: "The server's disk is full; nothing was changed.",
}


_PLAIN_CODES = {403: ("forbidden",), 404: ("not_found",), 409: ("conflict",)}
"""The codes of errors that are raised without one."""


def problems(*statuses: int, codes: Mapping[int, Sequence[str]] | None = None) -> dict[int, ResponseSpec]:
    """Returns the error responses of an operation for its OpenAPI description, with 429 and 503, which all have.

    `codes` are the codes of the operation itself by status. The description adds those that every operation of its
    kind has, such as `event_not_found` for an operation with an event's ID in its path.
    """
    named = codes or {}
    return {
        status: ResponseSpec(
            Problem,
            generate_examples=False,
            media_type=MEDIA_TYPE,
            description=describe(status),
            examples=[Example(id=code) for code in named.get(status, _PLAIN_CODES.get(status, ()))],
        )
        for status in (*statuses, *named, 429, 503)
    }


def describe(status: int) -> str:
    """Returns the OpenAPI description of an error status."""
    return _DESCRIPTIONS[status]


BODY_PROBLEMS = (400, 408, 413, 415, 422, 507)
"""The error statuses of every operation with a body."""
