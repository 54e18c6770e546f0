"""The bundled plugins and the template follow the rules for all plugins."""

import ast
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from eventorg.application import create_app
from eventorg.extensions.loader import load_plugins
from eventorg.settings import Settings
from eventorg.storage.migrations import Component
from eventorg.storage.schema import core_component, prepare
from eventorg.testing import Clock
from tests.programs import CHECKOUT

ALLOWED = {"eventorg.plugin", "eventorg.testing"}
FOLDERS = [file.parent for file in sorted((CHECKOUT / "plugins").glob("*/__init__.py"))]


@pytest.mark.parametrize(
    "folder", [*FOLDERS, CHECKOUT / "eventorg" / "extensions" / "template"], ids=lambda folder: folder.name
)
def test_it_imports_only_the_plugin_interface_and_the_testing_module(folder: Path) -> None:
    for file in folder.rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 0]
        names = {node.module or "" for node in froms}
        names |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
        assert {name for name in names if f"{name}.".startswith("eventorg.")} <= ALLOWED, file


def test_users_marked_unreachable_before_the_upgrade_stay_so(tmp_path: Path) -> None:
    """The table of the plugin reminders was named `reminders_blocks` in 0.1.0."""
    path = tmp_path / "eventorg.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((CHECKOUT / "tests" / "released" / "0.1.0.sql").read_text(encoding="utf-8"))
        connection.execute("INSERT INTO reminders_blocks SELECT id, 7 FROM users WHERE username = 'anna'")
        connection.commit()
    folder = CHECKOUT / "plugins" / "reminders" / "migrations"
    applied = prepare(path, [core_component(), Component("reminders", folder, prefix="reminders_")], Clock())
    assert "reminders/0002_unreachable.sql" in applied
    with closing(sqlite3.connect(path)) as connection:
        joined = "SELECT username, seq FROM reminders_unreachable JOIN users ON users.id = user_id"
        assert connection.execute(joined).fetchall() == [("anna", 7)]


@pytest.fixture(scope="module")
def apps() -> tuple[Litestar, Litestar]:
    """The application with every plugin that is found, and without."""
    return create_app(Settings()), create_app(Settings(plugins="none"))


def operations(app: Litestar) -> dict[tuple[str, str], Any]:
    return {
        (method, route.path_format): handler
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items()
        if method != "OPTIONS"
    }


def test_every_route_of_a_plugin_is_private_unless_it_is_marked_and_described(apps: tuple[Litestar, Litestar]) -> None:
    whole, core = apps
    names = {loaded.plugin.name for loaded in load_plugins(Settings())}
    paths = whole.openapi_schema.to_schema()["paths"]
    own = {key: handler for key, handler in operations(whole).items() if key not in operations(core)}
    assert bool(own) == any(loaded.plugin.routes for loaded in load_plugins(Settings()))
    for (method, path), handler in own.items():
        if method == "HEAD":
            continue
        described = paths[path][method.lower()]
        assert set(described["tags"]) & names, path
        assert described["summary"], path
        is_public = bool(handler.opt.get("public"))
        security = described.get("security")
        assert (security == [] or {} in (security or [])) == is_public, path
        assert is_public or "401" in described["responses"], path
        assert "503" in described["responses"], path
        assert is_public or set(re.findall(r"{(\w+)}", path)) <= {p["name"] for p in described.get("parameters", [])}


def test_plugins_leave_the_cores_routes_as_they_are(apps: tuple[Litestar, Litestar]) -> None:
    whole, core = apps
    assert {key: handler.handler_name for key, handler in operations(whole).items() if key in operations(core)} == {
        key: handler.handler_name for key, handler in operations(core).items()
    }
