"""A check of a request that runs before the handler's own hook."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request
from litestar.handlers import HTTPRouteHandler

Check = Callable[[Request[Any, Any, Any]], Awaitable[None]]
"""Raises an error to refuse a request. (Litestar would run a hook that is not `async` in a thread.)"""


def check_first(handler: HTTPRouteHandler, check: Check) -> None:
    """Runs the check on each request of the handler, then its `before_request` hook, if any."""
    hooks = [layer.before_request for layer in handler.ownership_layers if layer.before_request]

    async def checked(request: Request[Any, Any, Any]) -> Any:
        await check(request)
        return await hooks[-1](request) if hooks else None

    handler.before_request = checked
