"""Conditional requests (RFC 9110, section 13): entity tags made of versions.

A tag is `"<version>-<rest>"`: the version counts edits, the rest is whatever else the representation shows. An
unchanged tag means an unchanged representation; `If-Match` guards edits, so it looks at the version alone (an
organizer's change is not refused because somebody registered meanwhile).
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
Anything = TypeVar("Anything")

IF_MATCH = "Only change this version (an `ETag`); else 412."
IF_NONE_MATCH = "An `ETag` one has; 304 if it is the current one."
ETAG = [
    ResponseHeader(name="ETag", description="The version; for `If-Match` and `If-None-Match`.", documentation_only=True)
]

_LIST = re.compile(r'[ \t,]*(?:(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"[ \t]*(?:,[ \t,]*|$))+')
_TAG = re.compile(r'(W/)?"([^"]*)"')


def etag(resource: Event | User | Registration) -> str:
    """The strong entity tag of a representation."""
    match resource:
        case Event():
            rest = f"{resource.registered_count}-{resource.waitlisted_count}"
        case Registration():
            rest = str(resource.waitlist_position or 0)
        case User():
            rest = "self" if isinstance(resource.email, str | None) else "other"
    return f'"{resource.version}-{rest}"'


def expected_tags(request: Request[Any, Any, Any]) -> frozenset[str] | None:
    """The tags `If-Match` allows, in their quotes; None if any will do. A weak tag matches none, nor does what is no
    list of tags: a condition that cannot be read does not hold."""
    given = header_list(request.scope, b"if-match")
    if given is None or given == "*":
        return None
    return frozenset(f'"{opaque}"' for weak, opaque in _tags(given) if not weak)


def expected_versions(request: Request[Any, Any, Any]) -> frozenset[str] | None:
    """The versions `If-Match` allows; None if any will do. A tag that is not ours matches none; one that is made of the
    `version` alone is ours."""
    tags = expected_tags(request)
    return None if tags is None else frozenset(tag[1:-1].partition("-")[0] for tag in tags)


def is_current(tag: str, request: Request[Any, Any, Any]) -> bool:
    """Whether `If-None-Match` names a tag, by weak comparison (RFC 9110, section 8.8.3.2): then the answer is 304."""
    given = header_list(request.scope, b"if-none-match")
    if given is None:
        return False
    return given == "*" or tag.removeprefix("W/") in (f'"{opaque}"' for _, opaque in _tags(given))


def _tags(given: str) -> list[tuple[str, str]]:
    """The tags of a list, each with its `W/` or without; none of what is no list."""
    return _TAG.findall(given) if _LIST.fullmatch(given) else []


def answer(resource: T, request: Request[Any, Any, Any]) -> Response[T]:
    """200 with the resource and its tag, or 304 if one has it.

    Headers are looked up here, as a parameter of the handler one would cost a twentieth of a short request, and be its
    first line alone; `eventorg.web.openapi` says that they are there.
    """
    return answer_unless_current(resource, etag(resource), request)


def answer_unless_current(resource: Anything, tag: str, request: Request[Any, Any, Any]) -> Response[Anything]:
    """200 with the resource and its tag, or 304 if `If-None-Match` names that tag already."""
    if is_current(tag, request):
        return JSONResponse(None, status_code=304, headers={"ETag": tag})  # type: ignore[arg-type]
    return JSONResponse(resource, headers={"ETag": tag})


def tagged(resource: T, status_code: int = 200) -> Response[T]:
    """The resource and its tag, after a change."""
    return JSONResponse(resource, status_code=status_code, headers={"ETag": etag(resource)})
