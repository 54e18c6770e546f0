"""The bundled plugins and the template follow the rules for all plugins."""

import ast
import inspect
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

ALLOWED = {"eventorg.plugin", "eventorg.testing", "eventorg.testing.telegram"}
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


def test_what_waited_in_the_outbox_of_0_1_0_is_told_once(tmp_path: Path) -> None:
    """The outbox was part of the plugin reminders."""
    path = tmp_path / "eventorg.db"
    anna = "SELECT id FROM users WHERE username = 'anna'"
    boris = "SELECT id FROM users WHERE username = 'boris'"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((CHECKOUT / "tests" / "released" / "0.1.0.sql").read_text(encoding="utf-8"))
        connection.execute(f"INSERT INTO reminders_blocks {anna.replace('id', 'id, 7')}")
        for number, (kind, due_at, state, holder) in enumerate(
            [
                ("reminder", "2099-12-31T10:00:00Z", "waiting", None),
                ("reminder", "2099-12-30T10:00:00Z", "sent", "bot"),
                ("changed", "2099-12-29T10:00:00Z", "leased", "bot"),
            ]
        ):
            connection.execute(
                "INSERT INTO reminders_deliveries "
                f"SELECT {number + 1}, 'id-{number}', '{kind}:' || events.id || ':{number}:' || start_time, ?, "
                f"({boris}), id, start_time, ?, ?, ?, ?, 1 FROM events WHERE code = '5DFM3VeSm'",
                (kind, due_at, state, due_at, holder),
            )
        connection.commit()
    folder = CHECKOUT / "plugins" / "reminders" / "migrations"
    prepare(path, [core_component(), Component("reminders", folder, prefix="reminders_")], Clock())
    with closing(sqlite3.connect(path)) as connection:
        unreachable = "SELECT username FROM unreachable_users JOIN users ON users.id = user_id"
        assert connection.execute(unreachable).fetchall() == [("anna",)]
        moved = connection.execute(
            "SELECT id, substr(dedupe_key, -22), producer, kind, state, holder, attempts, due_at, ready_at, expires_at "
            "FROM deliveries ORDER BY seq"
        ).fetchall()
        assert moved == [
            (
                f"id-{number}",
                f"{number}:2100-01-01T10:00:00Z",
                "reminders",
                kind,
                state,
                holder,
                1,
                due_at,
                due_at,
                end,
            )
            for number, (kind, due_at, state, holder, end) in enumerate(
                [
                    ("reminder", "2099-12-31T10:00:00Z", "waiting", None, "2100-01-01T10:00:00Z"),
                    ("reminder", "2099-12-30T10:00:00Z", "sent", "bot", "2100-01-01T10:00:00Z"),
                    ("changed", "2099-12-29T10:00:00Z", "leased", "bot", "2100-01-01T12:00:00Z"),
                ]
            )
        ]
        made = connection.execute("SELECT username, start_time, due_at FROM reminders_made JOIN users ON id = user_id")
        assert made.fetchall() == [("boris", "2100-01-01T10:00:00Z", "2099-12-31T10:00:00Z")]
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        assert tables.isdisjoint({"reminders_deliveries", "reminders_blocks"})


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


def test_every_success_that_a_route_returns_is_described(apps: tuple[Litestar, Litestar]) -> None:
    """Reads the source of each route, as in `status_code=201 if is_new else 200`, and its docstring."""
    whole, _ = apps
    paths = whole.openapi_schema.to_schema()["paths"]
    missing = {
        (method, path): named - paths[path][method.lower()]["responses"].keys()
        for (method, path), handler in operations(whole).items()
        if method.lower() in paths.get(path, ())
        if (named := set(re.findall(r"\b20[0-6]\b", inspect.getsource(handler.fn))))
    }
    assert len(missing) > 20, "it has read next to nothing"
    assert {route: statuses for route, statuses in missing.items() if statuses} == {}


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
