"""Applications that servers of tests use again: building one takes most of the time of a start.

Once a server has ended, the next one with the same routes gets its application, with the parts of its own: the
constants of the handlers, the middleware, the state, the logs, and the lifespan. Only applications with the bundled
plugins are kept, and only those whose server ended without an error.
"""

import atexit
import logging
import sys
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.events import SimpleEventEmitter
from litestar.logging.standard import QueueListenerHandler
from litestar.plugins.structlog import StructlogPlugin
from litestar.stores.registry import StoreRegistry

from eventorg import application
from eventorg.extensions.context import PluginContext
from eventorg.extensions.loader import LoadedPlugin
from eventorg.settings import Settings
from eventorg.web import constants
from eventorg.web.constants import Constant
from tests.programs import CHECKOUT

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]

_add_routes = application._add_routes


@dataclass(eq=False)
class _Cell:
    """The value of a constant in the server that uses the application now."""

    value: Any


class _Changeable(Constant):
    """A constant whose cell is passed to the handlers instead of its value."""

    def __init__(self, cell: _Cell) -> None:
        super().__init__(cell)
        self.use_cache = False

    @property
    def cell(self) -> _Cell:
        cell: _Cell = self.dependency()
        return cell

    async def __call__(self, **_: Any) -> Any:
        return self.cell.value


@dataclass(eq=False)
class _Parts:
    """What an application has of its server, and what it had when it was built."""

    key: Any
    constants: dict[str, _Cell]
    middleware: Sequence[Any]
    routes: tuple[Any, ...]
    contexts: dict[str, _Cell] = field(default_factory=dict)


@dataclass
class _Same:
    """Is equal to what holds the same object."""

    held: object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.held is self.held

    def __hash__(self) -> int:
        return id(self.held)


class _App(Litestar):
    parts: _Parts | None = None


_kept: dict[Any, list[tuple[_App, threading.Thread]]] = defaultdict(list)
_lock = threading.Lock()
_made = threading.local()


def keep_applications(patch: pytest.MonkeyPatch) -> None:
    """Lets servers use the applications of servers that have ended."""
    patch.setattr(application, "Litestar", _take_or_build)
    patch.setattr(application, "constants", _changeable_constants)
    patch.setattr(application, "_add_routes", _add_routes_or_context)
    patch.setattr(constants, "_extractor", _extractor)


def _changeable_constants(**values: Any) -> dict[str, _Changeable]:
    _made.cells = {name: _Cell(value) for name, value in values.items()}
    return {name: _Changeable(cell) for name, cell in _made.cells.items()}


def _extractor(cells: dict[str, _Cell | Any]) -> Any:
    async def extract(found: dict[str, Any], _: ASGIConnection[Any, Any, Any, Any]) -> None:
        for name, cell in cells.items():
            found[name] = cell.value if isinstance(cell, _Cell) else cell

    return extract


def _take_or_build(
    route_handlers: Any,
    *,
    dependencies: dict[str, _Changeable],
    middleware: Sequence[Any],
    plugins: Sequence[Any],
    lifespan: Sequence[Lifespan],
    **options: Any,
) -> Litestar:
    stop_log_listener()
    key = _key(dependencies, options)
    given: dict[str, Any] = {"dependencies": dependencies, "middleware": middleware, "plugins": plugins}
    if key is None:
        return Litestar(route_handlers, **given, lifespan=lifespan, **options)
    app = _take(key)
    if app is None:
        cells = {name: each.cell for name, each in dependencies.items()}
        app = _App(route_handlers, **given, lifespan=[_then_kept(each) for each in lifespan], **options)
        app.parts = _Parts(key, cells, middleware, tuple(app.routes))
        return app
    assert app.parts
    for name, each in dependencies.items():
        app.parts.constants[name].value = each.cell.value
    for old, new in zip(app.parts.middleware, middleware, strict=True):
        assert type(old) is type(new)
        vars(old).clear()
        vars(old).update(vars(new))
    app.state = State()
    app.stores = StoreRegistry()
    app.event_emitter = SimpleEventEmitter([])
    app.asgi_handler = app._create_asgi_handler()
    app._lifespan_managers = [_then_kept(each) for each in lifespan]
    _configure_logs(app, plugins)
    return app


def _key(dependencies: dict[str, _Changeable], options: dict[str, Any]) -> Any:
    """Returns what must be the same for an application to be used again. None if it is not to be kept."""
    settings: Settings = dependencies["settings"].cell.value
    if settings.metrics == "on":
        return None
    parts: list[Any] = [bool(settings.requests_per_minute), *options.items()]
    for worker in dependencies["workers"].cell.value:
        plugin, own_settings = worker._plugin, worker._context.settings
        module = sys.modules.get(f"eventorg_plugins.{plugin.name}")
        if plugin.litestar_plugins or not Path(getattr(module, "__file__", None) or "/").is_relative_to(CHECKOUT):
            return None
        routes = plugin.routes
        if callable(routes):
            routes = routes(own_settings)
            if routes is not plugin.routes(own_settings):
                return None  # they are made for these settings
        parts += [_Same(plugin), *map(_Same, routes)]
    return tuple(parts)


def _take(key: Any) -> _App | None:
    """Returns the application whose server has ended last, with its thread."""
    with _lock:
        for app, thread in reversed(_kept[key]):
            if not thread.is_alive():
                _kept[key].remove((app, thread))
                return app
    return None


def _then_kept(lifespan: Lifespan) -> Lifespan:
    """Returns a lifespan after which the application is kept, unless it has changed since it was built."""

    @asynccontextmanager
    async def serving(app: Litestar) -> AsyncIterator[None]:
        assert isinstance(app, _App)
        assert app.parts
        async with lifespan(app):
            yield
        thread = threading.current_thread()
        has_threads = any(worker._supervisor.is_abandoned for worker in app.parts.constants["workers"].value)
        is_changed = app.parts.routes != tuple(app.routes)
        if thread is not threading.main_thread() and not has_threads and not is_changed:
            with _lock:
                _kept[app.parts.key].append((app, thread))

    return serving


def stop_log_listener() -> None:
    """Ends the thread that writes Litestar's logs: each configuration of the logs starts a new one."""
    for handler in logging.getLogger("litestar").handlers:
        if isinstance(handler, QueueListenerHandler) and handler.listener._thread is not None:
            handler.listener.stop()
            atexit.unregister(handler.listener.stop)


def _configure_logs(app: _App, plugins: Sequence[Any]) -> None:
    (config,) = (each._config.structlog_logging_config for each in plugins if isinstance(each, StructlogPlugin))
    assert config.standard_lib_logging_config
    config.standard_lib_logging_config.configure()
    app.logging_config = config
    app.get_logger = config.configure()
    app.logger = app.get_logger("litestar")


def _add_routes_or_context(app: Litestar, loaded: LoadedPlugin, context: PluginContext) -> None:
    parts = app.parts if isinstance(app, _App) else None
    if parts and loaded.plugin.name in parts.contexts:
        parts.contexts[loaded.plugin.name].value = context
        return
    _add_routes(app, loaded, context)
    if parts:
        parts.contexts[loaded.plugin.name] = _made.cells["plugin"]
        parts.routes = tuple(app.routes)
