"""Conditional requests (RFC 9110, section 13): entity tags made of versions.

A tag is `"<version>-<rest>"`. The version counts edits, and the rest stands for everything else that the representation
shows. An unchanged tag means an unchanged representation. `If-Match` compares only the version, so a registration does
not make an organizer's edit fail.
"""

import re
from typing import Any, TypeVar

from litestar import Request, Response
from litestar.datastructures import ResponseHeader

from eventorg.domain.events import Event
from eventorg.domain.registrations import Registration
from eventorg.domain.users import User
from eventorg.web.headers import header_list
from eventorg.web.responses import JSONResponse

T = TypeVar("T", Event, User, Registration)
Resource = TypeVar("Resource")

IF_MATCH = "An `ETag`. If the resource has changed since, the request fails with 412."
IF_NONE_MATCH = "An `ETag`. If the resource has not changed since, the response is 304."
ETAG = [
    ResponseHeader(name="ETag", description="The version, for `If-Match` and `If-None-Match`.", documentation_only=True)
]

_LIST = re.compile(r'[ \t,]*(?:(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"[ \t]*(?:,[ \t,]*|$))+')
_TAG = re.compile(r'(W/)?"([^"]*)"')


def etag(resource: Event | User | Registration) -> str:
    """Returns the strong entity tag of a representation."""
    match resource:
        case Event():
            rest = f"{resource.registered_count}-{resource.waitlisted_count}"
        case Registration():
            rest = str(resource.waitlist_position or 0)
        case User():
            rest = "self" if isinstance(resource.email, str | None) else "other"
    return f'"{resource.version}-{rest}"'


def expected_tags(request: Request[Any, Any, Any]) -> frozenset[str] | None:
    """Returns the tags that `If-Match` allows, with their quotes, or None if it allows any.

    Weak tags and malformed lists match no version.
    """
    given = header_list(request.scope, b"if-match")
    if given is None or given == "*":
        return None
    return frozenset(f'"{opaque}"' for weak, opaque in _tags(given) if not weak)


def expected_versions(request: Request[Any, Any, Any]) -> frozenset[str] | None:
    """Returns the versions that `If-Match` allows, or None if it allows any.

    A tag may also consist of the `version` alone.
    """
    tags = expected_tags(request)
    return None if tags is None else frozenset(tag[1:-1].partition("-")[0] for tag in tags)


def is_current(tag: str, request: Request[Any, Any, Any]) -> bool:
    """Returns true if `If-None-Match` matches the tag by weak comparison (RFC 9110, section 8.8.3.2)."""
    given = header_list(request.scope, b"if-none-match")
    if given is None:
        return False
    return given == "*" or tag.removeprefix("W/") in (f'"{opaque}"' for _, opaque in _tags(given))


def _tags(given: str) -> list[tuple[str, str]]:
    """Returns the tags of a list as pairs of `W/` (or "") and the tag, or nothing for a malformed list."""
    return _TAG.findall(given) if _LIST.fullmatch(given) else []


def answer(resource: T, request: Request[Any, Any, Any]) -> Response[T]:
    """Returns 200 with the resource and its tag, or 304 if the client has it already.

    The headers are read here: as a parameter of a handler, each would take a twentieth of a short request, and only its
    first line would be seen. `eventorg.web.openapi` describes them.
    """
    return answer_unless_current(resource, etag(resource), request)


def answer_unless_current(resource: Resource, tag: str, request: Request[Any, Any, Any]) -> Response[Resource]:
    """Returns 200 with the resource and its tag, or 304 if `If-None-Match` matches the tag."""
    if is_current(tag, request):
        return JSONResponse(None, status_code=304, headers={"ETag": tag})  # type: ignore[arg-type]
    return JSONResponse(resource, headers={"ETag": tag})


def tagged(resource: T, status_code: int = 200) -> Response[T]:
    """Returns the changed resource with its tag."""
    return JSONResponse(resource, status_code=status_code, headers={"ETag": etag(resource)})
