"""One line a request: what was asked and how it went, never a body, a token or a query."""

import time
from collections.abc import Callable
from uuid import uuid4

import structlog
from litestar.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger("eventorg.access")


Observer = Callable[[Scope, int, float], None]
"""Told of each request, its status (0 if there was no answer) and its seconds."""


def log_requests(app: ASGIApp, observers: list[Observer]) -> ASGIApp:
    """The application with a request id in every answer (`X-Request-Id`) and a line in the log for each."""

    async def logged(scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        request_id = uuid4().hex
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-request-id", request_id.encode())]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await app(scope, receive, send_with_id)
            finally:
                seconds = time.perf_counter() - started
                for observe in observers:
                    observe(scope, status, seconds)
                log.info(
                    "request",
                    method=scope.get("method"),
                    route=scope.get("path_template") or None,
                    status=status or None,
                    ms=round(seconds * 1000, 1),
                    user=getattr(scope.get("user"), "user_id", None) or None,
                    bot=getattr(scope.get("user"), "bot", None),
                )

    return logged
