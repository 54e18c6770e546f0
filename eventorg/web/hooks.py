"""What is looked at before a handler runs, beside what the handler has for that itself."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request
from litestar.handlers import HTTPRouteHandler

Check = Callable[[Request[Any, Any, Any]], Awaitable[None]]
"""Raises an error to refuse a request. (A hook that is not `async` would have a thread.)"""


def check_first(handler: HTTPRouteHandler, check: Check) -> None:
    """Has a check made of each request of the handler, before its own `before_request`, should there be one."""
    hooks = [layer.before_request for layer in handler.ownership_layers if layer.before_request]

    async def checked(request: Request[Any, Any, Any]) -> Any:
        await check(request)
        return await hooks[-1](request) if hooks else None

    handler.before_request = checked
