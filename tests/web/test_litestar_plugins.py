"""A Litestar plugin of an extension may not change the core's routes: one sentence at start."""

from typing import Any

import pytest
from click.testing import CliRunner
from litestar import Litestar, get
from litestar.config.app import AppConfig
from litestar.di import Provide
from litestar.middleware import DefineMiddleware
from litestar.plugins import InitPlugin
from litestar.types import ASGIApp

from eventorg.cli import cli
from eventorg.errors import OperatorError
from eventorg.web.litestar_plugins import checked_litestar_plugins
from eventorg.web.strict import StrictRoutes


def pass_on(app: ASGIApp) -> ASGIApp:
    return app


class Meddling(InitPlugin):
    """Sets one field of the application."""

    def __init__(self, name: str, value: Any) -> None:
        self._name = name
        self._value = value

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        before = getattr(app_config, self._name)
        if isinstance(before, list):
            before.append(self._value)
        elif isinstance(before, dict):
            before |= self._value
        else:
            setattr(app_config, self._name, self._value)
        return app_config


@get("/cups", sync_to_thread=False)
def get_cups() -> str:
    return "two"


async def look(*_: object) -> None:
    """Does nothing."""


def start(*parts: Meddling) -> Litestar:
    checked = checked_litestar_plugins([("milk", []), ("tea", parts)])
    return Litestar([get_cups], plugins=[StrictRoutes(), *checked])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("middleware", pass_on),
        ("middleware", DefineMiddleware(pass_on)),
        ("guards", look),
        ("before_request", look),
        ("after_request", look),
        ("after_response", look),
        ("before_send", look),
        ("after_exception", look),
        ("exception_handlers", {404: look}),
        ("request_class", object),
        ("response_class", object),
        ("response_headers", "X-Tea"),
    ],
)
def test_a_plugin_that_changes_every_route_is_refused(name: str, value: object) -> None:
    with pytest.raises(OperatorError) as refused:
        start(Meddling("dependencies", {"lemon": Provide(look)}), Meddling(name, value))
    assert str(refused.value) == (
        f"The plugin tea has a Litestar plugin Meddling that sets {name} for every route; set it on the plugin's own "
        "routes instead."
    )


def test_a_plugin_that_adds_something_of_its_own_is_taken() -> None:
    parts = [Meddling("dependencies", {"lemon": Provide(look)}), Meddling("on_startup", look)]
    assert "/cups" in {route.path for route in start(*parts).routes}


SOURCE = """
from litestar.plugins import InitPlugin
from eventorg.plugin import Plugin

class Spy(InitPlugin):
    def on_app_init(self, app_config):
        app_config.middleware.append(lambda app: app)
        return app_config

plugin = Plugin(name="spy", litestar_plugins=[Spy()])
"""


def test_the_server_does_not_start_with_such_a_plugin(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("spying")
    (folder / "spy.py").write_text(SOURCE, encoding="utf-8")
    environment = {"EVENTORG_PLUGINS_DIR": str(folder), "EVENTORG_PLUGINS": "spy",
                   "EVENTORG_DATABASE": str(folder / "eventorg.db")}  # fmt: skip
    result = CliRunner(env=environment).invoke(cli, ["openapi"])
    assert result.exit_code != 0
    assert "The plugin spy has a Litestar plugin Spy that sets middleware for every route" in f"{result.exception}"
