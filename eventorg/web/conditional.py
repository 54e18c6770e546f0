"""Conditional requests (RFC 9110, section 13): entity tags made of versions.

A tag is `"<version>-<rest>"`. The version counts edits, and the rest stands for everything else that the representation
shows. An unchanged tag means an unchanged representation. The conditions of a change compare only the version, so a
registration does not make an organizer's edit fail.

A proxy that compresses a response makes its tag weak, or appends the coding to it. Such a tag still counts as the tag.
"""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from litestar import Request, Response
from litestar.datastructures import ResponseHeader

from eventorg.domain.blocks import Block
from eventorg.domain.events import Event
from eventorg.domain.hosts import Host
from eventorg.domain.invitations import Invitation
from eventorg.domain.registrations import Registration
from eventorg.domain.rsvps import Rsvp
from eventorg.domain.users import User
from eventorg.domain.values import ABSENT, AllExcept
from eventorg.web.headers import header_list
from eventorg.web.responses import JSONResponse

T = TypeVar("T", Event, User, Registration, Host, Block, Invitation, Rsvp)
Resource = TypeVar("Resource")

IF_MATCH = "An `ETag`. If the resource has changed since, the request fails with 412."
IF_NONE_MATCH = "An `ETag`. If the resource has not changed since, the response is 304."
UNLESS_MATCH = "An `ETag`, or `*` for any. If the resource still has this version, the request fails with 412."
ETAG = [
    ResponseHeader(name="ETag", description="The version, for `If-Match` and `If-None-Match`.", documentation_only=True)
]

_LIST = re.compile(r'[ \t,]*(?:(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"[ \t]*(?:,[ \t,]*|$))+')
_TAG = re.compile(r'"([^"]*)"')
_CODING = re.compile(r"(?:--?|;)(?:gzip|br|zstd|deflate)$")


def etag(resource: Event | User | Registration | Host | Block | Invitation | Rsvp) -> str:
    """Returns the strong entity tag of a representation."""
    match resource:
        case Event():
            rest = (
                f"{resource.registered_count}-{resource.waitlisted_count}-{resource.pending_count}-"
                f"{resource.maybe_count}-{resource.declined_count}-{resource.role or ''}"
            )
        case Registration():
            rest = str(resource.waitlist_position or 0)
        case Rsvp():
            rest = resource.card_etag
        case Host():
            rest = resource.role
        case Block():
            rest = ""
        case Invitation():
            rest = str(resource.uses)
        case User():
            rest = "self" if isinstance(resource.email, str | None) else "other"
    return f'"{resource.version}-{rest}"'


def expected_tags(request: Request[Any, Any, Any]) -> frozenset[str] | None:
    """Returns the tags that `If-Match` and `If-None-Match` allow for a change, or None without these headers.

    The tags have their quotes; `ABSENT` stands for a resource that does not exist. A malformed list allows nothing.
    """
    return _allowed(request, lambda opaque: f'"{opaque}"')


def expected_versions(request: Request[Any, Any, Any]) -> frozenset[str] | None:
    """Returns the versions that `If-Match` and `If-None-Match` allow for a change, or None without these headers.

    A tag may also consist of the `version` alone.
    """
    return _allowed(request, lambda opaque: opaque.partition("-")[0] or "-")  # "-" is no version, and not `ABSENT`


def is_current(tag: str, request: Request[Any, Any, Any]) -> bool:
    """Returns true if `If-None-Match` matches the tag by weak comparison (RFC 9110, section 8.8.3.2)."""
    given = header_list(request.scope, b"if-none-match")
    if given is None:
        return False
    return given == "*" or tag.removeprefix("W/")[1:-1] in (_tags(given) or ())


def _allowed(request: Request[Any, Any, Any], named: Callable[[str], str]) -> frozenset[str] | None:
    match, none_match = (header_list(request.scope, name) for name in (b"if-match", b"if-none-match"))
    allowed = None if match is None else _matching(match, named)
    if none_match is None:
        return allowed
    others = _not_matching(none_match, named)
    return others if allowed is None else _both(allowed, others)


def _matching(given: str, named: Callable[[str], str]) -> frozenset[str]:
    if given == "*":
        return AllExcept((ABSENT,))
    return frozenset(map(named, _tags(given) or ()))


def _not_matching(given: str, named: Callable[[str], str]) -> frozenset[str]:
    if given == "*":
        return frozenset((ABSENT,))
    tags = _tags(given)
    return frozenset() if tags is None else AllExcept(map(named, tags))


def _both(one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
    """Returns the versions that are in both sets."""
    if isinstance(one, AllExcept) and isinstance(other, AllExcept):
        return AllExcept([*one, *other])
    named, rest = (other, one) if isinstance(one, AllExcept) else (one, other)
    return frozenset(version for version in named if version in rest)


def _tags(given: str) -> set[str] | None:
    """Returns the tags of a list without quotes, also as they were before a proxy named a coding in them.

    Returns None for a malformed list.
    """
    if not _LIST.fullmatch(given):
        return None
    tags = set(_TAG.findall(given))
    return tags | {_CODING.sub("", tag) for tag in tags}


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
