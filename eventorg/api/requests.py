"""What is around every request: its id, what each answer says, and who is told how it went."""

import secrets
import time
from collections.abc import Callable, Sequence
from itertools import count

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from eventorg.api.headers import cache_control
from eventorg.logs import request_id_now

Observer = Callable[[Scope, int, float], None]
"""Told of each request, its status (0 if there was no answer) and its seconds."""


def observe_requests(app: ASGIApp, observers: Sequence[Observer]) -> ASGIApp:
    """The application with a request id (`X-Request-Id`) and a `Cache-Control` in every answer, and with observers of
    each request."""
    run, numbers = secrets.token_hex(12), count(1)

    async def observed(scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        request_id = f"{run}{next(numbers):08x}"
        status = 0

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
            for observe in observers:
                observe(scope, status, seconds)
            request_id_now.reset(token)

    return observed
