"""One spelling for each path, so that a proxy that hides a path by its name cannot be bypassed by another spelling."""

import re
from typing import Any, Final

from litestar import Request
from litestar.types import Receive, Scope, Send

from eventorg.domain.errors import NotFound
from eventorg.web.options_method import allow
from eventorg.web.problems import problem_response

_OTHER_SPELLING: Final = re.compile(
    rb"""
    /\.{1,2}(?:/|\Z)                        # a segment that stands for another place
    | %2[Ff]                                # a slash that routing takes for one
    | %(?:2[DdEe]|3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa]|5[Ff]|7[Ee])  # an unreserved character (RFC 3986, section 2.3)
    | %(?![0-9A-Fa-f]{2})
    """,
    re.VERBOSE,
)
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def is_canonical(scope: Scope) -> bool:
    """Returns whether a request spells its path in the one way that the server accepts.

    A character is percent-encoded where it must be or may be reserved, never where it is a letter or a digit. The
    expression is for the few paths that can match it.
    """
    path = scope.get("raw_path") or scope["path"].encode()
    if path[:1] != b"/" or b"//" in path or (path[-1:] == b"/" and path != b"/"):
        return False  # an empty segment
    return not ((b"%" in path or b"/." in path) and _OTHER_SPELLING.search(path))


def is_server_wide(scope: Scope) -> bool:
    """Returns whether a request is `OPTIONS *`, which asks about the server (RFC 9110, section 9.3.7)."""
    return scope["path"] == "*" and scope.get("method") == "OPTIONS"


async def answer_server_options(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers `OPTIONS *` with the methods of all paths."""
    methods = allow(_METHODS).encode()
    await send({"type": "http.response.start", "status": 204, "headers": [(b"allow", methods)]})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def answer_not_found(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers that there is nothing at a path that is spelled in another way."""
    request: Request[Any, Any, Any] = Request(scope)
    await problem_response(request, NotFound()).to_asgi_response(None, request)(scope, receive, send)
