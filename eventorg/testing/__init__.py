"""Tools for the tests of the core and of plugins: a real server on a real file, a clock, users, and a small Telegram.

Each name is imported when it is first used. So the fake Telegram starts without the server, and the server without it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eventorg.testing.server import (
        Clock,
        Server,
        cheap_passwords,
        check_problem,
        eventorg,
        eventorg_settings,
        run_command,
        running,
    )
    from eventorg.testing.telegram import ApiError, FakeTelegram, Limits, running_fake
    from eventorg.testing.users import PASSWORD, Bot, User

__all__ = [
    "PASSWORD",
    "ApiError",
    "Bot",
    "Clock",
    "FakeTelegram",
    "Limits",
    "Server",
    "User",
    "cheap_passwords",
    "check_problem",
    "eventorg",
    "eventorg_settings",
    "run_command",
    "running",
    "running_fake",
]
_OF_TELEGRAM = {"ApiError", "FakeTelegram", "Limits", "running_fake"}
_OF_USERS = {"PASSWORD", "Bot", "User"}


def __getattr__(name: str) -> Any:
    """Returns an exported name, which it imports. Raises `AttributeError` as a module without it does."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "telegram" if name in _OF_TELEGRAM else "users" if name in _OF_USERS else "server"
    return getattr(import_module(f"{__name__}.{module}"), name)
