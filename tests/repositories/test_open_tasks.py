"""Open tasks go on after a crash, after a restart, and after a task that fails."""

from typing import Any

import pytest

from eventorg.repositories.open_tasks import OpenTaskRepository
from eventorg.settings import Settings
from eventorg.storage.invariants import find_miscounts
from eventorg.testing import Server, running
from tests.api.attendance import participants, register
from tests.repositories.tasks import PARTIES, busy_account, finish, finish_here, kinds


def test_a_deletion_goes_on_after_a_crash(idle: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    user, host, _, attended = busy_account(idle)
    user.delete("/users/me")
    assert kinds(idle.settings) == ["delete_user"]
    monkeypatch.setattr(OpenTaskRepository, "finish", finish)
    idle.wait_for(lambda: kinds(idle.settings) == [])
    for url in attended:
        assert participants(url, host) == [(host.id, "registered", None)]


def test_a_restarted_server_takes_tasks_up_again(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(settings) as server:
        monkeypatch.setattr(server._core.open_tasks, "_kinds", {})
        user, host, _, attended = busy_account(server)
        user.delete("/users/me")
        assert kinds(settings) == ["delete_user"]
    with running(settings) as server:
        host.client = server.client
        server.wait_for(lambda: kinds(settings) == [])
        for url in attended:
            assert participants(url, host) == [(host.id, "registered", None)]
    assert find_miscounts(settings.database_path) == []


def test_a_task_that_fails_does_not_stop_the_others(idle: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    host, *line = (idle.sign_up() for _ in range(2 * PARTIES))
    url = f"/events/{host.create_event(capacity=1)['id']}"
    register(url, host, *line)
    host.patch(url, json={"capacity": None})
    user, *_ = busy_account(idle)
    user.delete("/users/me")
    assert kinds(idle.settings) == ["fill_seats", "delete_user"]

    def fail(*_: Any) -> bool:
        raise LookupError("broken")

    tasks = idle._core.open_tasks
    advances = dict(tasks._kinds)
    with monkeypatch.context() as broken:
        broken.setattr(tasks, "_kinds", advances | {"fill_seats": fail})
        assert not idle._on_its_loop(finish(tasks))
    assert kinds(idle.settings) == ["fill_seats"]
    finish_here(idle)
