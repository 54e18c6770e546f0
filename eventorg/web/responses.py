"""Answers of JSON, made with no more work than they need."""

from typing import Any, TypeVar

import msgspec
from litestar import Request, Response
from litestar.types import ASGIApp, Receive, Scope, Send

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode


class JSONResponse(Response[T]):
    """What Litestar answers for JSON, in half of the time. What needs more than JSON is left to it: cookies, a
    background task, another media type, and content that has to be told how it is encoded."""

    def to_asgi_response(self, app: Any, request: Request[Any, Any, Any], **given: Any) -> ASGIApp:  # type: ignore[override]
        """The response as an ASGI application; what it was made with goes before what its handler was `given`."""
        more = self.cookies or self.background or given.get("cookies") or given.get("background")
        if more or self.media_type not in (None, "application/json"):
            return super().to_asgi_response(app, request, **given)
        try:
            body = _encode(self.content)
        except TypeError:
            return super().to_asgi_response(app, request, **given)
        status = self.status_code or given.get("status_code") or 200
        named = {**given["headers"], **self.headers} if given.get("headers") else self.headers
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in named.items()]
        if status in (204, 304):
            return _Message(status, headers, b"")
        headers += (b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))
        return _Message(status, headers, body)


class _Message:
    """A whole response, ready to be sent."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})
