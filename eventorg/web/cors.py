"""Cross-origin requests (CORS, Fetch, section 3.3): which web pages of other sites can call the API.

Litestar's own middleware replaces `Vary`, so that a cache mixes up languages, and it refuses a preflight request with a
text. This one only adds headers: a page that is not allowed gets the usual response, which its browser hides from it.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from eventorg.web.headers import header

Headers = list[tuple[bytes, bytes]]

_METHODS: Final = b"DELETE, GET, PATCH, POST, PUT"
_READABLE: Final = b"Accept-Patch, ETag, Idempotency-Replayed, Location, Retry-After, X-Request-Id"
_SENDABLE: Final = (
    b"Accept-Language, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, X-Act-As"
)
_SECONDS: Final = b"600"


def allow_origins(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """Returns the application with CORS headers for pages from these origins (`*`: from all)."""
    if not origins:
        return app
    for_all, allowed = "*" in origins, frozenset(origins)

    async def allowing(scope: Scope, receive: Receive, send: Send) -> None:
        origin = header(scope, b"origin")
        is_allowed = origin is not None and (for_all or origin in allowed)
        own: Headers = []
        if is_allowed:
            own = [(b"access-control-allow-origin", b"*" if for_all else str(origin).encode("latin-1"))]
        varying = b"" if for_all else b"Origin"
        is_preflight = scope.get("method") == "OPTIONS" and header(scope, b"access-control-request-method") is not None
        if is_allowed and is_preflight:
            await _answer_preflight(own, varying, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                exposed = [(b"access-control-expose-headers", _READABLE)] if own else []
                message["headers"] = [*_vary(message.get("headers", ()), varying), *own, *exposed]
            await send(message)

        await app(scope, receive, send_with_headers)

    return allowing


def _vary(headers: Iterable[tuple[bytes, bytes]], added: bytes) -> Headers:
    """Returns the headers with a field name added to `Vary`."""
    if not added:
        return list(headers)
    named = [value for name, value in headers if name.lower() == b"vary"]
    others = [(name, value) for name, value in headers if name.lower() != b"vary"]
    return [*others, (b"vary", b", ".join([*named, added]))]


async def _answer_preflight(own: Headers, varying: bytes, send: Send) -> None:
    headers = [
        *_vary(own, varying),
        (b"access-control-allow-methods", _METHODS),
        (b"access-control-allow-headers", _SENDABLE),
        (b"access-control-max-age", _SECONDS),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
