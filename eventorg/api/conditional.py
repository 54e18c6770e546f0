"""Conditional requests (RFC 9110, section 13): entity tags made of versions.

A tag is `"<version>-<rest>"`: the version counts edits, the rest is whatever else the representation shows. An
unchanged tag means an unchanged representation; `If-Match` guards edits, so it looks at the version alone (an
organiser's change is not refused because somebody registered meanwhile).
"""

import re
from typing import Annotated, Any, TypeVar

from litestar import Request, Response
from litestar.datastructures import ResponseHeader
from litestar.params import HeaderParameter

from eventorg.api.headers import header
from eventorg.api.responses import JSONResponse
from eventorg.domain.errors import VersionMismatch
from eventorg.domain.events import Event
from eventorg.domain.registrations import Registration
from eventorg.domain.users import User

T = TypeVar("T", Event, User, Registration)

IfMatch = Annotated[
    str | None, HeaderParameter(name="If-Match", description="Only change this version (an `ETag`); else 412.")
]
IF_NONE_MATCH = "An `ETag` one has; 304 if it is the current one."
IfNoneMatch = Annotated[str | None, HeaderParameter(name="If-None-Match", description=IF_NONE_MATCH)]
ETAG = [
    ResponseHeader(name="ETag", description="The version; for `If-Match` and `If-None-Match`.", documentation_only=True)
]

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


def expected_versions(if_match: str | None) -> frozenset[str] | None:
    """The versions `If-Match` allows; None if any will do. A tag that is not ours, or weak, matches none."""
    if if_match is None or if_match.strip() == "*":
        return None
    return frozenset(tag.partition("-")[0] for weak, tag in _TAG.findall(if_match) if not weak)


def is_current(tag: str, if_none_match: str | None) -> bool:
    """Whether `If-None-Match` names a tag, by weak comparison (RFC 9110, section 8.8.3.2): then the answer is 304."""
    return if_none_match is not None and (
        if_none_match.strip() == "*"
        or tag.removeprefix("W/") in (f'"{opaque}"' for _, opaque in _TAG.findall(if_none_match))
    )


def check_match(tag: str, if_match: str | None) -> None:
    """Raises `VersionMismatch` unless `If-Match` allows a tag, by strong comparison: for what has no version."""
    if if_match is None or if_match.strip() == "*":
        return
    if tag not in (f'"{opaque}"' for weak, opaque in _TAG.findall(if_match) if not weak):
        raise VersionMismatch()


def answer(resource: T, request: Request[Any, Any, Any]) -> Response[T]:
    """200 with the resource and its tag, or 304 if `If-None-Match` names that tag already.

    The header is looked up here, as a parameter of the handler it would cost a twentieth of a short request;
    `eventorg.api.description` says that it is there.
    """
    tag = etag(resource)
    if is_current(tag, header(request.scope, b"if-none-match")):
        return JSONResponse(None, status_code=304, headers={"ETag": tag})  # type: ignore[arg-type]
    return JSONResponse(resource, headers={"ETag": tag})


def tagged(resource: T, status_code: int = 200) -> Response[T]:
    """The resource and its tag, after a change."""
    return JSONResponse(resource, status_code=status_code, headers={"ETag": etag(resource)})
