"""`POST /logout` ends one login or all, at once and for good."""

import queue
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from eventorg.settings import Settings
from eventorg.testing import Server, User, check_problem, running
from tests.background.test_feed_streams import PATIENCE, stream
from tests.web.keyed import is_replayed


def another_login(server: Server, user: User) -> User:
    return User(server.client, user.account, server.log_in(user.account["email"]))


def ended_rows(server: Server) -> int:
    with closing(sqlite3.connect(server.settings.database_path)) as file:
        return int(file.execute("SELECT count(*) FROM ended_logins").fetchone()[0])


@pytest.mark.parametrize("body", [None, {}, {"everywhere": False}])
def test_one_login_ends_and_the_others_live(server: Server, body: object) -> None:
    user, stranger = server.sign_up(), server.sign_up()
    other = another_login(server, user)
    assert user.get("/users/me").status_code == 200  # so that it is cached
    response = user.post("/logout", json=body)
    assert (response.status_code, response.content) == (204, b"")
    for _ in range(2):
        check_problem(user.get("/users/me"), 401, "token_revoked")
        check_problem(user.post("/logout"), 401, "token_revoked")
    assert other.get("/users/me").status_code == another_login(server, user).get("/users/me").status_code == 200
    assert stranger.get("/users/me").status_code == 200


def test_everywhere_ends_all_logins(server: Server) -> None:
    user, stranger = server.sign_up(), server.sign_up()
    other = another_login(server, user)
    assert other.get("/users/me").status_code == 200
    assert user.post("/logout", json={"everywhere": True}).status_code == 204
    for login in (user, other):
        check_problem(login.get("/users/me"), 401, "token_revoked")
    assert another_login(server, user).get("/users/me").status_code == stranger.get("/users/me").status_code == 200


@pytest.mark.parametrize("body", [[], {"everywhere": 1}, {"everywhere": None}, {"every": True}])
def test_a_body_that_says_something_else_ends_nothing(server: Server, body: object) -> None:
    user = server.sign_up()
    check_problem(user.post("/logout", json=body), 422)
    assert user.get("/users/me").status_code == 200


def test_a_bot_logs_nobody_out(server: Server) -> None:
    user, bot = server.sign_up(), server.make_bot("act", "changes", "deliver")
    for body in (None, {"everywhere": True}):
        check_problem(bot.post("/logout", json=body), 403, "forbidden")
        check_problem(bot.acting_for(user.id).post("/logout", json=body), 403, "forbidden")
    assert user.get("/users/me").status_code == bot.acting_for(user.id).get("/users/me").status_code == 200


def test_a_login_stays_ended_after_a_restart(tmp_path: Path) -> None:
    settings = Settings(plugins="none", database=str(tmp_path / "eventorg.db"), log_level="error")
    with running(settings) as server:
        user = server.sign_up()
        other = another_login(server, user)
        assert user.post("/logout").status_code == 204
    with running(settings) as server:
        check_problem(User(server.client, {}, user.token).get("/users/me"), 401, "token_revoked")
        assert User(server.client, {}, other.token).get("/users/me").status_code == 200


@pytest.mark.parametrize("everywhere", [False, True])
def test_whoever_waits_with_the_token_is_ended_at_once(
    server: Server, waits: "queue.Queue[float]", everywhere: bool
) -> None:
    user = server.sign_up()
    other = another_login(server, user)
    after = user.get("/changes").json()["next"]
    with ThreadPoolExecutor() as pool, stream(server, user, f"/changes?after={after}") as events:
        poll, others = (pool.submit(login.get, f"/changes?after={after}&timeout=30") for login in (user, other))
        for _ in range(3):
            waits.get(timeout=PATIENCE)
        assert user.post("/logout", json={"everywhere": everywhere}).status_code == 204
        assert [*iter(events.block, {})] in ([], [{"": "keep-alive"}])
        check_problem(poll.result(PATIENCE), 401, "token_revoked")
        if everywhere:
            check_problem(others.result(PATIENCE), 401, "token_revoked")
        else:
            assert others.result(PATIENCE).json() == {"changes": [], "next": after}


def test_a_logout_leaves_those_in_peace_who_wait_as_somebody_else(server: Server, waits: "queue.Queue[float]") -> None:
    user, other = server.sign_up(), server.sign_up()
    after = other.get("/changes").json()["next"]
    with ThreadPoolExecutor() as pool:
        poll = pool.submit(other.get, f"/changes?after={after}&timeout=30")
        waits.get(timeout=PATIENCE)
        assert user.post("/logout").status_code == 204
        event = other.create_event()
        assert [change["event_id"] for change in poll.result(PATIENCE).json()["changes"]] == [event["id"]]


def test_a_row_goes_a_day_after_its_token_has_expired(fresh_server: Server) -> None:
    user = fresh_server.sign_up()
    assert user.post("/logout").status_code == 204
    forget = fresh_server._core.logins.forget
    for hours in (24, 24):  # the token lives for one day, and its row for another
        fresh_server.clock.advance(hours=hours)
        fresh_server._on_its_loop(forget())
        assert ended_rows(fresh_server) == 1
    fresh_server.clock.advance(seconds=1)
    fresh_server._on_its_loop(forget())
    assert ended_rows(fresh_server) == 0
    check_problem(user.get("/users/me"), 401, "token_expired")


def test_a_clock_that_was_a_day_ahead_revives_no_login(fresh_server: Server) -> None:
    fresh_server.clock.advance(hours=1)
    user = fresh_server.sign_up()
    assert user.post("/logout").status_code == 204
    fresh_server.clock.advance(days=1)
    fresh_server._on_its_loop(fresh_server._core.logins.forget())
    fresh_server.clock.advance(days=-1)
    check_problem(user.get("/users/me"), 401, "token_revoked")


def test_the_key_of_another_logins_logout_still_ends_this_one(server: Server) -> None:
    """A key is stored per user. A replay that did nothing would leave a login alive that its owner has ended."""
    user = server.sign_up()
    other = another_login(server, user)
    key = {"Idempotency-Key": "key"}
    first = user.post("/logout", headers=key)
    again = other.post("/logout", headers=key)
    assert [(response.status_code, is_replayed(response)) for response in (first, again)] == [(204, False), (204, True)]
    check_problem(other.get("/users/me"), 401, "token_revoked")


def test_ended_logins_go_with_the_account(fresh_server: Server) -> None:
    user = fresh_server.sign_up()
    other = another_login(fresh_server, user)
    assert user.post("/logout").status_code == 204
    assert other.delete("/users/me").status_code == 200
    assert ended_rows(fresh_server) == 0
    check_problem(user.get("/users/me"), 401, "token_revoked")
