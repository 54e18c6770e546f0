"""What is around every request: its id, what each answer says, HEAD, and who is told how it went."""

import secrets
import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import cast

from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from eventorg.logs import request_id_now
from eventorg.web.headers import cache_control

Observer = Callable[[Scope, int, float], None]
"""Told of each request, its status (0 if there was no answer) and its seconds."""


def observe_requests(app: ASGIApp, observers: Sequence[Observer]) -> ASGIApp:
    """The application with a request id (`X-Request-Id`) and a `Cache-Control` in every answer, with HEAD wherever
    there is GET (RFC 9110, section 9.3.2), and with observers of each request."""
    run, numbers = secrets.token_hex(12), count(1)

    async def observed(scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        request_id = f"{run}{next(numbers):08x}"
        status = 0
        is_head = scope.get("method") == "HEAD"
        if is_head:
            scope = cast("HTTPScope", {**scope, "method": "GET"})  # a copy: the server goes by its own
            send = _without_body(send)

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message.get("headers", ())
                message["headers"] = [*headers, *cache_control(scope, headers), (b"x-request-id", request_id.encode())]
            await send(message)

        token = request_id_now.set(request_id)
        try:
            await app(scope, receive, send_with_id)
        finally:
            seconds = time.perf_counter() - started
            if is_head:
                cast("HTTPScope", scope)["method"] = "HEAD"
            for observe in observers:
                observe(scope, status, seconds)
            request_id_now.reset(token)

    return observed


def _without_body(send: Send) -> Send:
    """Sends the head of an answer and nothing more: not the body, nor what would be streamed without an end."""

    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return send_head
