"""`Idempotency-Key`: a request that is sent again is done once and answered the same.

What a request changed is kept by `OutcomeRepository` in the transaction of the change, and the answer is made of
that again; a refusal, which changed nothing, is kept as the problem document it was.
"""

import hashlib
import re
from collections.abc import Awaitable
from typing import Final

import msgspec
from litestar.types import ASGIApp, HTTPResponseStartEvent, Message, Receive, Scope, Send
from msgspec import structs

from eventorg.domain.callers import Caller, RequestKey
from eventorg.domain.errors import Conflict, FieldError, Invalid
from eventorg.repositories.idempotency import OutcomeRepository
from eventorg.web.bodies import StrictRequest
from eventorg.web.headers import header
from eventorg.web.problems import Problem, headers_of

KEY_PATTERN: Final = "[\\x20-\\x7e]{1,255}"
_KEY: Final = re.compile(KEY_PATTERN)
_METHODS = ("POST", "PATCH")
_NOT_KEPT = (401, 409, 429)


class Idempotency:
    """Looks up requests that bear a key before they reach their handler."""

    def __init__(self, outcomes: OutcomeRepository) -> None:
        self._outcomes = outcomes
        self._running: set[tuple[str, str]] = set()

    def __call__(self, app: ASGIApp) -> ASGIApp:
        """The application behind it, which answers all other requests as it is."""

        def idempotent(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
            if scope.get("method") in _METHODS and scope.get("user"):
                key = header(scope, b"idempotency-key")
                if key is not None:
                    return self.handle(key, scope, receive, send, app)
            return app(scope, receive, send)

        return idempotent

    async def handle(self, given: str, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Raises `Conflict` while the first request runs, `KeyReused`, and `Invalid` for a key out of form."""
        caller = scope["user"]
        if not _KEY.fullmatch(given):
            raise Invalid(FieldError("Idempotency-Key", "idempotency_key_syntax"))
        request = StrictRequest(scope, receive, send)
        content = b"\0".join((str(request.method).encode(), request.url.path.encode(), await request.body()))
        key = RequestKey(f"{caller.bot or ''}:{caller.user_id}", given, hashlib.sha256(content).hexdigest())
        place = (key.caller, key.key)
        if place in self._running:
            raise Conflict("idempotency_in_flight")
        self._running.add(place)
        try:
            await self._handle_once(key, caller, scope, receive, send, next_app)
        finally:
            self._running.discard(place)

    async def _handle_once(
        self, key: RequestKey, caller: Caller, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp
    ) -> None:
        outcome = await self._outcomes.find(key)
        if outcome is None:
            scope["user"] = structs.replace(caller, request_key=key)
            await next_app(scope, receive, self._keeping_refusals(key, caller.user_id, send))
        elif outcome.refusal is None:
            scope["user"] = structs.replace(caller, request_key=structs.replace(key, result=outcome.result))
            await next_app(scope, receive, _marking(send))
        else:
            await _send_again(outcome.refusal, _marking(send))

    def _keeping_refusals(self, key: RequestKey, user_id: str, send: Send) -> Send:
        """Sends on, but a refusal not before it is kept."""
        start: HTTPResponseStartEvent | None = None

        async def keeping(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_kept_refusal(message["status"]):
                start = message
            elif start is not None and message["type"] == "http.response.body":
                await self._outcomes.keep_refusal(key, user_id, message["body"].decode())
                await send(start)
                await send(message)
            else:
                await send(message)

        return keeping


def _is_kept_refusal(status: int) -> bool:
    return 400 <= status < 500 and status not in _NOT_KEPT


def _marking(send: Send) -> Send:
    """Says in the answer that it is a repetition."""

    async def marking(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"idempotency-replayed", b"true")]
        await send(message)

    return marking


async def _send_again(refusal: str, send: Send) -> None:
    """Answers with a problem document that was answered before."""
    body = refusal.encode()
    problem = msgspec.json.decode(body, type=Problem)
    headers = [(name.lower().encode(), value.encode()) for name, value in headers_of(problem).items()]
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
