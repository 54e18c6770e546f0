"""`Idempotency-Key`: a request that is sent again is carried out once and gets the same response.

`IdempotencyRepository` stores the result of a request in the transaction that makes the change. A repeated request gets
a response that is built from this result. For a rejected request, the problem document is stored.
"""

import re
from collections.abc import Awaitable
from typing import Any, Final

import msgspec
from litestar import Request
from litestar.types import ASGIApp, HTTPResponseStartEvent, Message, Receive, Scope, Send
from msgspec import structs

from eventorg.domain.callers import Caller
from eventorg.domain.errors import Conflict, FieldError, Invalid, KeyReused
from eventorg.domain.idempotency import Once, owner_of
from eventorg.repositories.idempotency import IdempotencyRepository, request_once
from eventorg.security.fingerprints import Fingerprints
from eventorg.web.bodies import StrictRequest
from eventorg.web.headers import header, language_for
from eventorg.web.problems import Problem, headers_of

KEY_PATTERN: Final = "[\\x20-\\x7e]{1,255}"
_KEY: Final = re.compile(KEY_PATTERN)
_METHODS = ("POST", "PATCH")
_NOT_KEPT = (401, 409, 429)


def once_of(request: Request[Any, Any, Any]) -> Once | None:
    """Returns the key by which a request is carried out once, or None if it has no `Idempotency-Key`.

    It reads the scope itself, because `request.state` makes a deep copy each time.
    """
    once: Once | None = request.scope["state"].get("once")
    return once


class Idempotency:
    """Middleware that looks up requests with a key before they reach their handler."""

    def __init__(self, records: IdempotencyRepository, fingerprints: Fingerprints) -> None:
        self._records = records
        self._fingerprints = fingerprints
        self._running: set[tuple[str, str]] = set()

    def __call__(self, app: ASGIApp) -> ASGIApp:
        """Returns the application with this middleware in front of it."""

        def idempotent(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
            if scope.get("method") in _METHODS and scope.get("user"):
                key = header(scope, b"idempotency-key")
                if key is not None:
                    return self.handle(key, scope, receive, send, app)
            return app(scope, receive, send)

        return idempotent

    async def handle(self, key: str, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Responds to a request that has a key.

        Raises `Conflict` while the first request with this key runs, `KeyReused` if the key belongs to a different
        request, and `Invalid` for a malformed key.
        """
        caller: Caller = scope["user"]
        if not _KEY.fullmatch(key):
            raise Invalid(FieldError("Idempotency-Key", "idempotency_key_syntax"))
        request = StrictRequest(scope, receive, send)
        content = b"\0".join((str(request.method).encode(), request.url.path.encode(), await request.body()))
        once = Once(owner=owner_of(caller), key=key, fingerprint=self._fingerprints.make(content))
        place = (once.owner, once.key)
        if place in self._running:
            raise Conflict("idempotency_in_flight")
        self._running.add(place)
        try:
            record = await self._records.find(once.owner, once.key)
            if record is None:
                await _call(next_app, once, scope, receive, self._saving_refusals(once, caller.user_id, scope, send))
            elif not self._fingerprints.matches(record.fingerprint, content):
                raise KeyReused()
            elif record.refusal is None:
                await _call(next_app, structs.replace(once, result=record.result), scope, receive, _marking(send))
            else:
                await _send_again(record.refusal, str(record.language), _marking(send, is_refusal=True))
        finally:
            self._running.discard(place)

    def _saving_refusals(self, once: Once, user_id: str, scope: Scope, send: Send) -> Send:
        """Returns a `send` that stores a refusal before it passes it on."""
        start: HTTPResponseStartEvent | None = None

        async def saving(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_kept_refusal(message["status"]):
                start = message
            elif start is not None and message["type"] == "http.response.body":
                await self._records.save_refusal(once, user_id, message["body"].decode(), language_for(scope))
                await send(start)
                await send(message)
            else:
                await send(message)

        return saving


async def _call(app: ASGIApp, once: Once, scope: Scope, receive: Receive, send: Send) -> None:
    """Calls the application with the key in the request's state; plugins of 0.1.0 find it in the context variable."""
    scope["state"]["once"] = once
    token = request_once.set(once)
    try:
        await app(scope, receive, send)
    finally:
        request_once.reset(token)


def _is_kept_refusal(status: int) -> bool:
    return 400 <= status < 500 and status not in _NOT_KEPT


def _marking(send: Send, *, is_refusal: bool = False) -> Send:
    """Returns a `send` that marks the response as a replay. An error that replaces a stored result is not marked."""

    async def marking(message: Message) -> None:
        if message["type"] == "http.response.start" and (is_refusal or message["status"] < 400):
            message["headers"] = [*message["headers"], (b"idempotency-replayed", b"true")]
        await send(message)

    return marking


async def _send_again(refusal: str, language: str, send: Send) -> None:
    """Sends a stored problem document."""
    body = refusal.encode()
    problem = msgspec.json.decode(body, type=Problem)
    headers = [(name.lower().encode(), value.encode()) for name, value in headers_of(language).items()]
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
