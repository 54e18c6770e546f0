"""Request headers as read here, and response headers for caching and content security."""

import base64
import hashlib
import re
from collections.abc import Iterable
from typing import Any, Final

from litestar import Response
from litestar.types import Scope

from eventorg.locales import negotiate

ALWAYS: Final = [("X-Content-Type-Options", "nosniff")]
"""For every response, including those that never reach the application."""

_NO_STORE: Final = (b"cache-control", b"no-store")
_NO_CACHE: Final = (b"cache-control", b"no-cache")
_MEDIA_RANGE: Final = re.compile(r'\s*([^\s;,"]+/[^\s;,"]+)((?:[^,"]|"(?:[^"\\]|\\.)*")*)')
_QUALITY: Final = re.compile(r";\s*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*(?:;|$)", re.IGNORECASE)
_SCRIPT: Final = re.compile(rb"<script(?![^>]* src=)[^>]*>(.*?)</script>", re.DOTALL)


def header(scope: Scope, name: bytes) -> str | None:
    """Returns the first request header with this lower-case name, or None.

    Litestar would build a mapping of all headers, which takes as long as the rest of a short request.
    """
    for found, value in scope["headers"]:
        if found == name:
            return str(value, "latin-1")
    return None


def header_list(scope: Scope, name: bytes) -> str | None:
    """Returns all lines of a list header as one value (RFC 9110, section 5.3), or None."""
    joined = None
    for found, value in scope["headers"]:
        if found == name:
            joined = value if joined is None else b"%b, %b" % (joined, value)
    return None if joined is None else str(joined, "latin-1").strip()


def language_for(scope: Scope) -> str:
    """Returns the language that best matches `Accept-Language`, or without it the caller's locale."""
    accepted = header_list(scope, b"accept-language")
    if not accepted:
        caller = scope.get("user")
        accepted = (caller and caller.locale) or ""
    return negotiate(accepted)


def accepts(scope: Scope, media_type: str, default: str = "application/json") -> bool:
    """Returns true if the client wants this media type and not the default one (RFC 9110, section 12.5.1).

    `Accept` must name the type, or its family as in `text/*`, with a quality that is not 0 and not lower than that of
    the default. `*/*` alone gets the default. Only the first 1,000 characters are read.
    """
    accept = (header_list(scope, b"accept") or "")[:1000].lower()
    if media_type.partition("/")[0] not in accept:
        return False
    ranges = [(name, _quality(rest)) for name, rest in _MEDIA_RANGE.findall(accept)]
    wanted, usual = _match(ranges, media_type), _match(ranges, default)
    return wanted[0] > 0 and wanted[1] > 0 and wanted >= usual


def also_as(*media_types: str) -> dict[str, Any]:
    """Returns the `opt` of a route whose response, which is JSON, has other media types too, if `accepts` says so. A
    route has one media type in Litestar."""
    return {"media_types": media_types}


def _quality(parameters: str) -> float:
    found = _QUALITY.search(parameters)
    if found is None:
        return 1.0 if "q=" not in parameters else 0.0
    return float(found[1])


def _match(ranges: list[tuple[str, float]], media_type: str) -> tuple[float, int]:
    """Returns the quality of a media type, and how closely `Accept` names it: 2 itself, 1 its family, 0 as any."""
    names = ("*/*", media_type.partition("/")[0] + "/*", media_type)
    found = [(names.index(name), quality) for name, quality in ranges if name in names]
    closeness, quality = max(found, default=(0, 0.0))
    return quality, closeness


def cache_control(scope: Scope, headers: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[bytes, bytes], ...]:
    """Returns the `Cache-Control` header of a response, or nothing if the route sets it (RFC 9111, section 5.2.2).

    Caches do not store a user's responses, and they revalidate public ones. Clients can still cache by `ETag`.
    """
    for name, _ in headers:
        if name == b"cache-control":
            return ()
    is_for_all = scope.get("user") is None and scope.get("method") in ("GET", "HEAD")
    return (_NO_CACHE,) if is_for_all else (_NO_STORE,)


def protect_page(response: Response[Any]) -> Response[Any]:
    """Adds a Content-Security-Policy: only this server's files, only the page's own scripts, and no framing."""
    if isinstance(response.content, bytes) and response.media_type == "text/html":
        hashes = (hashlib.sha256(script).digest() for script in _SCRIPT.findall(response.content))
        scripts = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in hashes)
        response.headers["Content-Security-Policy"] = (
            f"default-src 'self'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
            "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
    return response
