"""`Idempotency-Key`: a request that is sent again is carried out once and gets the same answer."""

import hashlib
import queue
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from litestar.routes import HTTPRoute

from eventorg.application import create_app
from eventorg.settings import Settings
from eventorg.storage.database import Database
from eventorg.testing import PASSWORD, Bot, Server, User, check_problem, running
from tests.web.keyed import EVENT, SCENES, Request, ask, count, is_replayed, new_user

WITHOUT_A_CALLER = {
    ("POST", "/login"),
    ("POST", "/login/telegram"),
    ("POST", "/password-resets"),
    ("POST", "/password-resets/confirm"),
}
"""These routes ignore tokens, so there is no caller to store a record for."""


ELSEWHERE = {
    ("POST", "/logout"),
    ("POST", "/users/me/email-verification"),
    ("POST", "/users/me/email-verification/confirm"),
}
"""The scenes of these routes are in `tests/api/test_logout.py` and `tests/api/test_email_verification.py`."""


def test_every_route_that_takes_a_key_has_its_scene() -> None:
    app = create_app(Settings(plugins="none", database="not-opened.db"))
    routes = {
        (method, route.path_format)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method in route.route_handler_map
        if method in ("POST", "PATCH")
    }
    assert routes == SCENES.keys() | WITHOUT_A_CALLER | ELSEWHERE


@pytest.mark.parametrize("route", SCENES, ids=" ".join)
def test_the_same_request_is_done_once_and_answered_the_same(server: Server, route: tuple[str, str]) -> None:
    method, request = route[0], SCENES[route](server)
    first = ask(request, method, "key")
    assert first.status_code in (200, 201), first.text
    assert not is_replayed(first)
    rows = count(server)
    for _ in range(2):
        again = ask(request, method, "key")
        assert is_replayed(again)
        assert (again.status_code, again.content) == (first.status_code, first.content)
        for header in ("location", "etag", "content-type"):
            assert again.headers.get(header) == first.headers.get(header)
    assert count(server) == rows


@pytest.mark.parametrize("route", SCENES, ids=" ".join)
def test_a_key_of_another_request_is_422(server: Server, route: tuple[str, str]) -> None:
    method, (caller, url, body) = route[0], SCENES[route](server)
    assert ask((caller, url, body), method, "key").is_success
    rows = count(server)
    others = [(method, url, {"title": "Another"})]
    if not isinstance(caller, Bot):
        others.append(("PATCH", "/users/me", body) if method == "POST" else ("POST", "/events", body))
        others.append(("POST", "/events", new_user()) if method == "POST" else ("PATCH", "/users/me", new_user()))
    for other_method, other_url, other_body in others:
        problem = check_problem(
            ask((caller, other_url, other_body), other_method, "key"), 422, "idempotency_key_reused"
        )
        assert [fault["field"] for fault in problem["errors"]] == ["Idempotency-Key"]
    assert count(server) == rows


def test_a_body_spelled_otherwise_is_another_request(server: Server) -> None:
    user, headers = server.sign_up(), {"Idempotency-Key": "key"}
    assert user.post("/events", json=EVENT, headers=headers).status_code == 201
    reordered = dict(reversed(EVENT.items()))
    check_problem(user.post("/events", json=reordered, headers=headers), 422, "idempotency_key_reused")


def test_another_method_of_the_same_path_is_another_request(server: Server) -> None:
    user = server.sign_up()
    url = f"/events/{user.create_event()['id']}/participants/{user.id}"
    user.post(url.replace(f"participants/{user.id}", "register"))
    assert ask((user, url, {"status": "attended"}), "PATCH", "key").status_code == 200
    assert not is_replayed(user.get(url, headers={"Idempotency-Key": "key"}))
    removed = user.delete(url, headers={"Idempotency-Key": "key"})
    assert (removed.status_code, removed.json()["status"]) == (200, "cancelled")


def test_keys_are_each_callers_own(server: Server) -> None:
    users, bot = [server.sign_up() for _ in range(2)], server.make_bot("act")
    callers: list[User | Bot] = [*users, bot.acting_for(users[0].id), bot.acting_for(users[1].id)]
    made = [ask((caller, "/events", EVENT), "POST", "key") for caller in callers]
    assert [response.status_code for response in made] == [201] * 4
    assert not any(is_replayed(response) for response in made)
    assert len({response.json()["id"] for response in made}) == 4


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> "queue.Queue[object]":
    """Receives an item for each function that is given to the writer."""
    given: queue.Queue[object] = queue.Queue()
    write = Database.write

    async def told_write(self: Database, work: Any) -> Any:
        given.put(work)
        return await write(self, work)

    monkeypatch.setattr(Database, "write", told_write)
    return given


def test_while_the_first_is_running_it_is_409(fresh_server: Server, writes: "queue.Queue[object]") -> None:
    request: Request = (fresh_server.sign_up(), "/events", EVENT)
    while not writes.empty():
        writes.get()
    path = fresh_server.settings.database_path
    with ThreadPoolExecutor() as pool, closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        first = pool.submit(ask, request, "POST", "key")
        writes.get(timeout=10)
        check_problem(ask(request, "POST", "key"), 409, "idempotency_in_flight")
        holder.execute("ROLLBACK")
        assert (first.result().status_code, is_replayed(first.result())) == (201, False)
    again = ask(request, "POST", "key")
    assert (again.status_code, is_replayed(again)) == (201, True)


def test_of_many_at_once_one_is_done(server: Server) -> None:
    request: Request = (server.sign_up(), "/events", EVENT)
    before = count(server)["events"]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: ask(request, "POST", "key"), range(32)))
    assert {response.status_code for response in answers} <= {201, 409}
    done = [response for response in answers if response.status_code == 201]
    assert len({response.json()["id"] for response in done}) == 1
    assert [is_replayed(response) for response in done].count(False) == 1
    assert count(server)["events"] == before + 1


@pytest.fixture
def broken(fresh_server: Server) -> Iterator[sqlite3.Connection]:
    """A file that accepts no idempotency records."""
    with closing(sqlite3.connect(fresh_server.settings.database_path, isolation_level=None)) as file:
        file.execute(
            "CREATE TRIGGER broken BEFORE INSERT ON idempotency_records BEGIN SELECT RAISE(ABORT, 'broken'); END"
        )
        yield file


def test_an_outcome_that_cannot_be_kept_undoes_the_change(fresh_server: Server, broken: sqlite3.Connection) -> None:
    request: Request = (fresh_server.sign_up(), "/events", EVENT)
    before = count(fresh_server)
    check_problem(ask(request, "POST", "key"), 500)
    assert count(fresh_server) == before
    broken.execute("DROP TRIGGER broken")
    done = ask(request, "POST", "key")
    assert (done.status_code, is_replayed(done)) == (201, False)


def test_a_new_password_is_set_once_and_answered_again(server: Server) -> None:
    user = server.sign_up()
    request: Request = (user, "/users/me", {"password": "another password", "current_password": PASSWORD})
    first = ask(request, "PATCH", "key")
    assert first.status_code == 200
    check_problem(ask(request, "PATCH", "key"), 401, "token_revoked")
    user.token = server.log_in(user.account["email"], "another password")
    again = ask(request, "PATCH", "key")
    assert (again.status_code, again.content, is_replayed(again)) == (200, first.content, True)
    assert user.get("/users/me").status_code == 200, "the token of after is still good"


def test_an_account_that_goes_takes_its_outcomes_along(fresh_server: Server) -> None:
    user = fresh_server.sign_up()
    ask((user, "/events", EVENT), "POST", "done")
    check_problem(ask((user, "/events", {}), "POST", "refused"), 422)
    assert count(fresh_server)["idempotency_records"] == 2
    assert user.delete("/users/me").status_code == 200
    assert count(fresh_server)["idempotency_records"] == 0


def with_secret(tmp_path: Path, secret: str) -> Settings:
    return Settings(plugins="none", database=str(tmp_path / "eventorg.db"), log_level="error", secret=secret)


def test_a_rotated_secret_keeps_the_keys(tmp_path: Path) -> None:
    old, new = "old secret " * 4, "new secret " * 4
    with running(with_secret(tmp_path, old)) as server:
        user = server.sign_up()
        first = ask((user, "/events", EVENT), "POST", "key")
    with running(with_secret(tmp_path, f"{new},{old}")) as server:
        again = User(server.client, user.account, user.token)
        repeated = ask((again, "/events", EVENT), "POST", "key")
        assert (repeated.content, is_replayed(repeated)) == (first.content, True)
        check_problem(ask((again, "/events", {}), "POST", "key"), 422, "idempotency_key_reused")


def test_the_file_has_no_plain_hash_of_a_password(fresh_server: Server) -> None:
    user = fresh_server.sign_up()
    request: Request = (user, "/users/me", {"password": "another password", "current_password": PASSWORD})
    response = ask(request, "PATCH", "key")
    assert response.status_code == 200
    plain = hashlib.sha256(b"PATCH\0/users/me\0" + response.request.content).hexdigest()
    with closing(sqlite3.connect(fresh_server.settings.database_path)) as file:
        ((fingerprint,),) = file.execute("SELECT fingerprint FROM idempotency_records").fetchall()
    assert fingerprint.startswith("hmac:")
    assert plain not in fingerprint


def test_a_retry_across_the_upgrade_is_not_carried_out_twice(fresh_server: Server) -> None:
    """Version 0.1.0 stored the SHA-256 of a request."""
    request: Request = (fresh_server.sign_up(), "/events", EVENT)
    first = ask(request, "POST", "key")
    plain = hashlib.sha256(b"POST\0/events\0" + first.request.content).hexdigest()
    with closing(sqlite3.connect(fresh_server.settings.database_path, isolation_level=None)) as file:
        assert file.execute("UPDATE idempotency_records SET fingerprint = ?", (plain,)).rowcount == 1
    again = ask(request, "POST", "key")
    assert (again.content, is_replayed(again)) == (first.content, True)
    check_problem(ask((request[0], "/events", {}), "POST", "key"), 422, "idempotency_key_reused")
