"""Open tasks: a busy account to delete, the tasks that are open, and their end. `PARTIES` is the length of a step."""

import sqlite3
from contextlib import closing
from typing import Any

from eventorg.repositories.open_tasks import OpenTaskRepository
from eventorg.settings import Settings
from eventorg.storage.invariants import find_miscounts
from eventorg.testing import Server, User
from tests.api.attendance import register

PARTIES = 3
"""The number of parties that one step moves in these tests."""
finish = OpenTaskRepository.finish


def query(settings: Settings, sql: str) -> list[Any]:
    with closing(sqlite3.connect(settings.database_path)) as file:
        return file.execute(sql).fetchall()


def kinds(settings: Settings) -> list[str]:
    return [kind for (kind,) in query(settings, "SELECT kind FROM open_tasks ORDER BY seq")]


def finish_here(server: Server) -> None:
    """Carries the open tasks out, as the server does in the background."""
    assert server._on_its_loop(finish(server._core.open_tasks))
    assert kinds(server.settings) == []
    assert find_miscounts(server.settings.database_path) == []


def told(user: User, kind: str) -> list[str]:
    return [change["user_id"] for change in user.get("/changes?limit=1000").json()["changes"] if change["type"] == kind]


def busy_account(server: Server) -> tuple[User, User, list[str], list[str]]:
    """Returns a user and a host, the URLs of the events that the user organizes, and of those the user attends."""
    user, host = server.sign_up(username="leaver"), server.sign_up()
    own = [f"/events/{user.create_event(title=f'Own {number}')['id']}" for number in range(4)]
    attended = [f"/events/{host.create_event(capacity=1)['id']}" for _ in range(2 * PARTIES)]
    for url in attended:
        register(url, user, host)
    register(own[0], user, host)
    return user, host, own, attended
