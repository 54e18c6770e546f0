"""Checks each response before it is sent: its framing, the room for it, and whether the connection outlives it."""

import asyncio
import sys
from typing import Any, Final, cast

import msgspec
from litestar import Request
from litestar.types import Message, Receive, Scope, Send
from litestar.types.asgi_types import HTTPResponseStartEvent
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from eventorg.domain.errors import DomainError, Unavailable
from eventorg.serving.budget import Budget
from eventorg.serving.lingering import LingeringTransport
from eventorg.web.bodies import MAX_BODY_BYTES
from eventorg.web.headers import header
from eventorg.web.problems import MEDIA_TYPE, problem_response

LARGE_ANSWER: Final = 64 * 1024
BODY_SECONDS = 0.5
"""The time that a response that needs no body waits for the rest of it."""
_KEPT: Final = (b"x-request-id", b"access-control-", b"vary")
"""The headers, or beginnings of their names, that a refusal takes over from the response that it replaces."""


def checked(
    app: ASGI3Application, cycle: RequestResponseCycle, transport: LingeringTransport, budget: Budget
) -> ASGI3Application:
    """Returns the application with these rules for its response to one request:

    - a response to a request whose body does not arrive ends the connection, and says so (RFC 9112, section 9.6);
    - a response of unknown length to HTTP/1.0 ends with the connection instead of being chunked (section 6.1);
    - a large response is a 503 while too many bytes wait for clients that do not read.
    """
    is_old, is_head = cycle.scope["http_version"] == "1.0", cycle.scope["method"] == "HEAD"

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        refusal: bytes | None = None
        is_unframed = False

        async def send_checked(message: Message) -> None:
            nonlocal refusal, is_unframed
            if message["type"] == "http.response.start":
                if cycle.more_body and (_says_close(message) or not await _rest_arrives(cycle)):
                    cycle.keep_alive = False
                    transport.will_linger = True
                length = _content_length(message)
                if length is None and is_old:
                    is_unframed = True
                    cycle.chunked_encoding, cycle.expected_content_length = False, sys.maxsize
                elif length and length >= LARGE_ANSWER and not is_head and not budget.has_room(length):
                    refusal = _refuse(scope, message)
            elif message["type"] == "http.response.body":
                if refusal is not None:
                    if not refusal:
                        return
                    message, refusal = {"type": "http.response.body", "body": refusal, "more_body": False}, b""
                elif is_unframed and not message.get("more_body"):
                    cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        await app(cast("Any", scope), cast("Any", receive), cast("Any", send_checked))

    return cast("ASGI3Application", run)


async def _rest_arrives(cycle: RequestResponseCycle) -> bool:
    """Waits for the rest of a body that many clients send in a packet of its own, and returns whether it is there.

    The connection then lives on. There is no wait for a client that may not send it, nor for more than is ever read.
    """
    if cycle.waiting_for_100_continue or not cycle.keep_alive:
        return False
    if int(header(cast("Any", cycle.scope), b"content-length") or 0) > MAX_BODY_BYTES:
        return False
    cycle.flow.resume_reading()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while cycle.more_body and not cycle.disconnected and len(cycle.body) <= MAX_BODY_BYTES:
                cycle.message_event.clear()
                await cycle.message_event.wait()
    except TimeoutError:
        pass
    cycle.message_event.set()
    return not cycle.more_body


def problem_answer(scope: Scope, error: DomainError) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Returns the status, the headers, and the body of the response to an error."""
    response = problem_response(Request(scope), error)
    body = msgspec.json.encode(response.content)
    headers = response.headers | {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(body))}
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return response.status_code or 400, pairs, body


def _content_length(message: HTTPResponseStartEvent) -> int | None:
    for name, value in message["headers"]:
        if name == b"content-length":
            return int(value)
    return None


def _says_close(message: HTTPResponseStartEvent) -> bool:
    return any(name.lower() == b"connection" and value.lower() == b"close" for name, value in message["headers"])


def _refuse(scope: Scope, message: HTTPResponseStartEvent) -> bytes:
    """Turns the head of a response into that of a 503, in place, so that observers of the request count a 503 too.
    Returns its body."""
    kept = [(name, value) for name, value in message["headers"] if name.startswith(_KEPT)]
    message["status"], headers, body = problem_answer(scope, Unavailable("busy"))
    message["headers"] = headers + kept
    return body
