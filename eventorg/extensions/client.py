"""A plugin's client of the server's own API. Its requests are calls of the application, on the server's loop."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Any

import httpx

from eventorg.storage.database import Database

App = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI application."""
BASE_URL = "http://eventorg.invalid"
"""The address that the requests have. It leads nowhere (RFC 6761, section 6.4)."""


class BotToken:
    """The token of a plugin's bot, made when it is first needed."""

    def __init__(self, renew: Callable[[], Awaitable[str]]) -> None:
        self._renew = renew
        self._made: asyncio.Future[str] | None = None

    async def get(self) -> str:
        """Returns the token. Call it on the server's loop."""
        if self._made is None or (self._made.done() and self._made.exception()):
            self._made = asyncio.ensure_future(self._renew())
        return await asyncio.shield(self._made)


def make_client(app: App, database: Database, token: BotToken) -> httpx.AsyncClient:
    """Returns a client for any event loop."""
    return httpx.AsyncClient(transport=_Transport(app, database, token), base_url=BASE_URL, timeout=None)  # noqa: S113


class _Transport(httpx.AsyncBaseTransport):
    """Calls the application on the loop that opened the database."""

    def __init__(self, app: App, database: Database, token: BotToken) -> None:
        self._asgi = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._database = database
        self._token = token

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sends a request with the bot's token."""
        return await self._database.run_on_its_loop(self._send(request))

    async def _send(self, request: httpx.Request) -> httpx.Response:
        request.headers["Authorization"] = f"Bearer {await self._token.get()}"
        answer = self._asgi.handle_async_request(request)
        # In a context of its own: another request, whose handler calls this, has its caller in its context.
        return await asyncio.get_running_loop().create_task(answer, context=Context())
