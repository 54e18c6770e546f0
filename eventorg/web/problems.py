"""Every failure as one shape: problem documents (RFC 9457), in the client's language.

The only place that knows which HTTP status a domain error is.
"""

from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from litestar.types import ExceptionHandlersMap
from msgspec import Struct

from eventorg.domain import errors
from eventorg.locales import DEFAULT, LANGUAGES, catalogue
from eventorg.locales.explanations import explain, explain_code, explain_fault
from eventorg.web.headers import language_for
from eventorg.web.options_method import allow

MEDIA_TYPE = "application/problem+json"

STATUS: dict[type[errors.DomainError], int] = {
    errors.Malformed: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.TooSlow: 408,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.VersionMismatch: 412,
    errors.TargetTooLong: 414,
    errors.UnsupportedMediaType: 415,
    errors.Invalid: 422,
    errors.TooMany: 429,
    errors.HeadTooLarge: 431,
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
    """What is wrong with one field; `code` is stable, `message` is for people."""

    field: str
    code: str
    message: str


class Problem(Struct, frozen=True, omit_defaults=True):
    """A problem document. `code` is stable; `title` and `detail` are in the language asked for."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[Fault] | None = None


def problem_response(request: Request[Any, Any, Any], error: errors.DomainError) -> Response[Problem]:
    """The answer to a domain error."""
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, errors.TooMany | errors.Unavailable):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, errors.TooSlow):
        headers["Connection"] = "close"
    broken = error.errors if isinstance(error, errors.Invalid) else None
    return _response(request, status, error.code, headers, broken, error)


def _framework_response(request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    """The answer to an exception of Litestar's own."""
    if isinstance(error, ValidationException):
        return problem_response(request, _invalid(error))
    if error.status_code >= 500 and error.status_code not in FRAMEWORK_CODES:
        return _unforeseen_response(request, error)
    given = {name.lower(): value for name, value in (error.headers or {}).items()}
    headers: dict[str, str] = {name: given[name] for name in ("allow", "retry-after") if name in given}
    if methods := headers.get("allow"):
        headers["allow"] = allow(methods.split(", "))
    return _response(request, error.status_code, FRAMEWORK_CODES.get(error.status_code, "bad_request"), headers)


def _unforeseen_response(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """The answer to a defect of ours: logged with its traceback, told without detail."""
    log.error("unforeseen error", path=request.scope.get("path_template"), exc_info=error)
    return _response(request, 500, "internal_error", {})


def _invalid(error: ValidationException) -> errors.DomainError:
    """A parameter that does not fit its type, or a body that is not there."""
    extra = error.extra if isinstance(error.extra, list) else []
    if any(item.get("key") == "data" for item in extra):
        return errors.Malformed("malformed_json")
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
        type=f"urn:eventorg:problem:{code}",
        title=title,
        status=status,
        detail=detail,
        code=code,
        errors=faults or None,
    )
    headers |= _of_language(language)
    return Response(problem, status_code=status, media_type=MEDIA_TYPE, headers=headers)


def headers_of(problem: Problem) -> dict[str, str]:
    """The headers of a problem document that is answered again, in the language that it was answered in."""
    spoken = (language for language in LANGUAGES if problem.title in catalogue(language)["titles"].values())
    return {"Content-Type": MEDIA_TYPE} | _of_language(next(spoken, DEFAULT))


def _of_language(language: str) -> dict[str, str]:
    return {"Content-Language": language, "Vary": "Accept-Language", "Cache-Control": "no-store"}


EXCEPTION_HANDLERS: ExceptionHandlersMap = {
    errors.DomainError: problem_response,
    HTTPException: _framework_response,
    Exception: _unforeseen_response,
}

_DESCRIPTIONS = {
    400: "The body is not JSON in UTF-8.",
    401: "No token, or one that is malformed, expired or revoked.",
    403: "Somebody else's to do.",
    404: "There is none, or none that the caller may know of.",
    408: "The request did not come in time.",
    409: "The present state does not allow it; `code` says why.",
    410: "The cursor reaches further back than what is kept; read everything anew.",
    412: "`If-Match` names a version that is no longer current, or no version.",
    413: "The body is larger than 64 KiB.",
    415: "The body is not `application/json` in UTF-8, or is compressed.",
    422: "Fields break rules; `errors` names them.",
    429: "Too many requests, or attempts; `Retry-After` says when to go on.",
    503: "Cannot be done now; nothing was changed. `Retry-After` says when to try again.",
    507: "The server's disk is full; nothing was changed.",
}


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """The error answers of an operation for its OpenAPI description; 429 and 503 can happen to all."""
    return {
        status: ResponseSpec(Problem, generate_examples=False, media_type=MEDIA_TYPE, description=describe(status))
        for status in (*statuses, 429, 503)
    }


def describe(status: int) -> str:
    """What a status means here, for the OpenAPI description."""
    return _DESCRIPTIONS[status]


BODY_PROBLEMS = (400, 408, 413, 415, 422, 507)
"""What an operation that takes a body can always answer."""
