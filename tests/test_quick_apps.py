"""The application of a server that has ended: the next one gets it, without anything of the one before."""

import gc
import weakref
from pathlib import Path
from typing import Any

import pytest
from litestar import get

from eventorg.settings import Settings
from eventorg.testing import Server, check_problem, running


def settings(folder: Path, name: str = "first", **more: Any) -> Settings:
    return Settings(database=str(folder / f"{name}.db"), log_level="error", **({"plugins": "none"} | more))


def parts_of(server: Server) -> list[Any]:
    """Returns what a server must not share with the next one."""
    assert server.app
    core = server.app.state.core
    return [core, core.database, core.callers, core.idempotency, core.users, server.app.state.feed, server.clock]


@pytest.mark.parametrize("plugins", ["none", "series", ""])
def test_the_next_server_has_the_application_and_nothing_else(tmp_path: Path, plugins: str) -> None:
    with running(settings(tmp_path, plugins=plugins, requests_per_minute=1_000)) as first:
        user = first.sign_up()
        assert user.get("/users/me").status_code == 200
        app, parts = first.app, [weakref.ref(part) for part in parts_of(first)]
    with running(settings(tmp_path, "second", plugins=plugins, requests_per_minute=1_000)) as second:
        assert second.app is app
        check_problem(second.client.get("/users/me", headers=user.headers), 401)
        other = second.sign_up()
        event = other.create_event()
        assert second.client.get(f"/events/{event['id']}").status_code == 200
        del first, user
        gc.collect()
        assert [part() for part in parts] == [None] * len(parts)


def test_two_servers_at_once_have_two_applications(tmp_path: Path) -> None:
    with running(settings(tmp_path)) as first, running(settings(tmp_path, "second")) as second:
        assert second.app is not first.app
        first.sign_up(email="anna@example.com")
        second.sign_up(email="anna@example.com")


def test_an_application_that_a_test_has_changed_is_not_used_again(tmp_path: Path) -> None:
    @get("/something-else")
    async def something_else() -> None: ...

    with running(settings(tmp_path)) as first:
        assert first.app
        first.app.register(something_else)
    with running(settings(tmp_path, "second")) as second:
        assert second.app is not first.app
        check_problem(second.client.get("/something-else"), 404)


@pytest.mark.parametrize("more", [{"plugins": "series"}, {"requests_per_minute": 9}, {"metrics": "on"}])
def test_other_routes_or_limits_are_another_application(tmp_path: Path, more: dict[str, Any]) -> None:
    with running(settings(tmp_path, **more)) as first:
        pass
    with running(settings(tmp_path, "second")) as second:
        assert second.app is not first.app
