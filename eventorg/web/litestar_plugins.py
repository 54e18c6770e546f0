"""Litestar plugins that an extension brings: they may add to the application, but not change the core's routes."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from litestar.config.app import AppConfig
from litestar.plugins import InitPlugin, PluginProtocol

from eventorg.errors import OperatorError

_OF_EVERY_ROUTE: Final = (
    "after_exception",
    "after_request",
    "after_response",
    "allowed_hosts",
    "before_request",
    "before_send",
    "compression_config",
    "cors_config",
    "csrf_config",
    "exception_handlers",
    "guards",
    "middleware",
    "parameters",
    "request_class",
    "response_class",
    "response_cookies",
    "response_headers",
)
"""The settings of an application that change requests or responses of every route."""


class _Check(InitPlugin):
    """Runs after a Litestar plugin of an extension. Refuses it if it has changed every route."""

    def __init__(self, before: dict[str, Any], extension: str, part: PluginProtocol | None) -> None:
        self._before = before
        self._extension = extension
        self._part = type(part).__name__

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Compares the settings with those before. Raises `OperatorError`."""
        now = {name: _copied(getattr(app_config, name)) for name in _OF_EVERY_ROUTE}
        changed = [name for name in self._before if self._before[name] != now[name]]
        if changed:
            names = " and ".join(changed)
            raise OperatorError(
                f"The plugin {self._extension} has a Litestar plugin {self._part} that sets {names} for every route; "
                "set it on the plugin's own routes instead."
            )
        self._before.update(now)
        return app_config


def checked_litestar_plugins(of_extensions: Iterable[tuple[str, Sequence[PluginProtocol]]]) -> Iterator[PluginProtocol]:
    """Yields the Litestar plugins of extensions, given with the extension's name, each with a check after it."""
    before: dict[str, Any] = {}
    yield _Check(before, "", None)
    for extension, parts in of_extensions:
        for part in parts:
            yield part
            yield _Check(before, extension, part)


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, list | dict | set) else value
