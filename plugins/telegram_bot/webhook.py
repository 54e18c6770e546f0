"""Webhook mode: Telegram posts the updates to this server, which hands them to the bot's own event loop."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.types import ControllerRouterHandler

from eventorg.plugin import ANY_QUERY, OPEN, Anybody, Context, Forbidden, Unavailable

from .routes import ROUTES
from .settings import Settings

PATH: Final = "/telegram_bot/webhook"
"""Where updates arrive if the setting names no path."""
HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"
_MAX_BODY: Final = 1024 * 1024
_OK: Final = 200

Receive = Callable[[dict[str, Any]], Awaitable[None]]
PluginContext = NamedDependency[Context]


class _Door:
    """Where a server hands over what Telegram posts."""

    def __init__(self, secret: str, receive: Receive) -> None:
        self._secret = secret.encode()
        self._receive = receive
        self._loop = asyncio.get_running_loop()

    def is_secret(self, given: str) -> bool:
        """Returns true for the secret, in constant time."""
        return hmac.compare_digest(given.encode(), self._secret)

    async def take(self, update: dict[str, Any]) -> None:
        """Returns once an update is handled. Call it on any event loop."""

        async def receive() -> None:
            await self._receive(update)

        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(receive(), self._loop))


_DOORS: Final[WeakKeyDictionary[Context, _Door]] = WeakKeyDictionary()


@contextmanager
def receiving(context: Context, receive: Receive) -> Iterator[None]:
    """Passes what Telegram posts to a function on this event loop, until the block ends."""
    _DOORS[context] = _Door(secret_of(context.settings), receive)
    try:
        yield
    finally:
        del _DOORS[context]


def address_of(settings: Settings) -> str:
    """Returns the address that Telegram is told, or an empty text for long polling."""
    if not settings.webhook_url:
        return ""
    return settings.webhook_url if urlsplit(settings.webhook_url).path else settings.webhook_url + PATH


def secret_of(settings: Settings) -> str:
    """Returns the secret that Telegram sends along. It stays the same, and does not give the token away."""
    return hmac.new(settings.token.encode(), b"eventorg: secret of the webhook", hashlib.sha256).hexdigest()


def routes(settings: Settings) -> Sequence[ControllerRouterHandler]:
    """Returns the routes of the plugin. The webhook is among them if it is wanted."""
    if not (settings.token and settings.webhook_url):
        return ROUTES
    paths = {PATH, urlsplit(address_of(settings)).path}
    options: dict[str, Any] = {
        "opt": OPEN | ANY_QUERY,
        "security": [{}],
        "status_code": _OK,
        "media_type": "text/plain",
    }
    return [*ROUTES, post(sorted(paths), include_in_schema=False, request_max_body_size=_MAX_BODY, **options)(_take)]


async def _take(request: Anybody, plugin: PluginContext) -> Response[bytes]:
    """Answers Telegram once an update is handled. Telegram sends again what is not answered with 200.

    Raises `Forbidden` for a wrong secret, and `Unavailable` while the bot starts.
    """
    door = _DOORS.get(plugin)
    if door is None:
        raise Unavailable
    if not door.is_secret(request.headers.get(HEADER, "")):
        raise Forbidden
    try:
        update = json.loads(await request.body())
    except ValueError:
        update = None
    if isinstance(update, dict):
        await door.take(update)
    else:  # if it were refused, Telegram would send it again, and nothing after it
        plugin.log.warning("telegram_update_failed", error="not a JSON object")
    return Response(b"", status_code=_OK)
