"""Wraps every request: request IDs, `Cache-Control`, HEAD, and observers for logs and metrics."""

import secrets
import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import cast

from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from eventorg.logs import request_id_now
from eventorg.web.canonical_paths import answer_not_found, answer_server_options, is_canonical, is_server_wide
from eventorg.web.headers import cache_control

Observer = Callable[[Scope, int, float], None]
"""Called after each request with its scope, status (0 without a response) and duration in seconds."""


def observe_requests(app: ASGIApp, observers: Sequence[Observer]) -> ASGIApp:
    """Returns the application with `X-Request-Id` and `Cache-Control` in every response, and with these observers.

    HEAD works wherever GET does (RFC 9110, section 9.3.2).
    """
    run, numbers = secrets.token_hex(12), count(1)

    async def observed(scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        request_id = f"{run}{next(numbers):08x}"
        status = 0
        is_head = scope.get("method") == "HEAD"
        if is_head:
            scope = cast("HTTPScope", {**scope, "method": "GET"})  # a copy, because the server needs its own
            send = _without_body(send)

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                headers = message.get("headers", ())
                message["headers"] = [*headers, *cache_control(scope, headers), (b"x-request-id", request_id.encode())]
                await send(message)
                status = message["status"]  # of what was sent: the server may have made a refusal of it
                return
            await send(message)

        token = request_id_now.set(request_id)
        try:
            await _router_for(scope, app)(scope, receive, send_with_id)
        finally:
            seconds = time.perf_counter() - started
            if is_head:
                cast("HTTPScope", scope)["method"] = "HEAD"
            for observe in observers:
                observe(scope, status, seconds)
            request_id_now.reset(token)

    return observed


def _router_for(scope: Scope, app: ASGIApp) -> ASGIApp:
    """Returns what answers a request: the application, if the path is one that can have a route."""
    if is_canonical(scope):
        return app
    return answer_server_options if is_server_wide(scope) else answer_not_found


def _without_body(send: Send) -> Send:
    """Sends the head of a response without its body, which may be an endless stream."""

    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return send_head
