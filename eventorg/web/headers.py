"""Headers that keep answers from going astray: who may keep one, and what a page of ours may load."""

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from litestar import Response
from litestar.config.cors import CORSConfig
from litestar.types import Scope

from eventorg.locales import negotiate

ALWAYS: Final = [("X-Content-Type-Options", "nosniff")]
"""For every answer, also for those that never reach the application."""

_READABLE: Final = ["ETag", "Idempotency-Replayed", "Location", "Retry-After", "X-Request-Id"]
_SENDABLE: Final = ["Accept-Language", "Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match"]
_SENDABLE_BY_BOTS: Final = ["Last-Event-ID", "X-Act-As"]
_NO_STORE: Final = (b"cache-control", b"no-store")
_NO_CACHE: Final = (b"cache-control", b"no-cache")
_SCRIPT: Final = re.compile(rb"<script(?![^>]* src=)[^>]*>(.*?)</script>", re.DOTALL)


def header(scope: Scope, name: bytes) -> str | None:
    """A header of the request by its name in small letters: the first, should there be more. Litestar would make a
    mapping of all of them, for as long as the rest of a short request takes."""
    for found, value in scope["headers"]:
        if found == name:
            return str(value, "latin-1")
    return None


def header_list(scope: Scope, name: bytes) -> str | None:
    """A header that is a list, with all its lines as one (RFC 9110, section 5.3)."""
    joined = None
    for found, value in scope["headers"]:
        if found == name:
            joined = value if joined is None else b"%b, %b" % (joined, value)
    return None if joined is None else str(joined, "latin-1").strip()


def language_for(scope: Scope) -> str:
    """The language that `Accept-Language` asks for."""
    return negotiate(header_list(scope, b"accept-language") or "")


def cache_control(scope: Scope, headers: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[bytes, bytes], ...]:
    """The header `Cache-Control` of an answer, unless its route has said it (RFC 9111, section 5.2.2): nobody on the
    way keeps what is somebody's, and what is for all is asked for anew each time. A client that keeps answers itself,
    by their `ETag`, goes on doing so.
    """
    for name, _ in headers:
        if name == b"cache-control":
            return ()
    is_for_all = scope.get("user") is None and scope.get("method") in ("GET", "HEAD")
    return (_NO_CACHE,) if is_for_all else (_NO_STORE,)


def cors_config(origins: Sequence[str]) -> CORSConfig | None:
    """Which pages may call the API from a browser; None for none, which costs nothing."""
    if not origins:
        return None
    return CORSConfig(
        allow_origins=list(origins),
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=_SENDABLE + _SENDABLE_BY_BOTS,
        expose_headers=_READABLE,
    )


def protect_page(response: Response[Any]) -> Response[Any]:
    """A page that loads from this server alone, runs the script that it has and no other, and is in nobody's frame."""
    if isinstance(response.content, bytes) and response.media_type == "text/html":
        hashes = (hashlib.sha256(script).digest() for script in _SCRIPT.findall(response.content))
        scripts = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in hashes)
        response.headers["Content-Security-Policy"] = (
            f"default-src 'self'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
            "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
    return response
