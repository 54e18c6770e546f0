"""The clock is set one day ahead or back and then corrected. Nothing crashes, gets lost or changes its order."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from eventorg.settings import Settings
from eventorg.testing import Server, check_problem, running
from tests.factories import new_event


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with all plugins. Each test sets its clock."""
    path = tmp_path_factory.mktemp("clock") / "eventorg.db"
    with running(Settings(database=str(path), log_level="error", login_attempts=2)) as server:
        yield server


def wrong_then_right(server: Server, days: int) -> Iterator[int]:
    """Sets the clock wrong by this number of days during the block."""
    for step in (days, -days):
        server.clock.advance(days=step)
        yield step


def feed(server: Server, after: int = 0) -> list[dict[str, Any]]:
    bot = server.make_bot("changes")
    changes: list[dict[str, Any]] = bot.get(f"/changes?after={after}&limit=1000").json()["changes"]
    return changes


DAYS = pytest.mark.parametrize("days", [1, -1])


@DAYS
def test_the_log_keeps_the_order_of_commits(server: Server, days: int) -> None:
    user = server.sign_up()
    event_id = user.create_event()["id"]
    last = feed(server)[-1]["seq"]
    for step in wrong_then_right(server, days):
        for _ in range(2):
            user = server.sign_up()
            assert user.post(f"/events/{event_id}/register").status_code == 201, step
    news = feed(server, last)
    assert [change["seq"] for change in news] == list(range(last + 1, last + 9))
    assert [change["type"] for change in news] == ["user.created", "registration.created"] * 4


@DAYS
def test_a_change_at_a_time_before_its_creation_is_a_change(server: Server, days: int) -> None:
    user = server.sign_up()
    event = user.create_event()
    for step in wrong_then_right(server, days):
        token = server.log_in(user.account["email"])
        headers = {"Authorization": f"Bearer {token}", "If-Match": f'"{event["version"]}"'}
        answer = server.client.patch(f"/events/{event['id']}", json={"title": f"{step}"}, headers=headers)
        assert answer.status_code == 200, answer.text
        event = answer.json()
        assert server.client.get(f"/events/{event['id']}/event.ics").status_code == 200
    assert event["version"] == 3


@DAYS
def test_a_token_is_good_again_with_the_clock(server: Server, days: int) -> None:
    user = server.sign_up()
    answers = [user.get("/users/me").status_code for _ in wrong_then_right(server, days)]
    assert answers == [401 if days > 0 else 200, 200]
    server.clock.advance(days=days)
    wrong = server.log_in(user.account["email"])
    server.clock.advance(days=-days)
    answer = server.client.get("/users/me", headers={"Authorization": f"Bearer {wrong}"})
    assert answer.status_code == (200 if days > 0 else 401)  # yesterday's login has expired
    user.token = server.log_in(user.account["email"])
    assert user.get("/users/me").status_code == 200


def test_a_request_sent_again_after_the_clock_was_set_back_is_done_once(server: Server) -> None:
    user = server.sign_up()
    keyed = {"Idempotency-Key": "tap"}
    body = new_event()
    first = user.post("/events", json=body, headers=keyed)
    server.clock.advance(days=-1)
    again = user.post("/events", json=body, headers=keyed)
    server.clock.advance(days=1)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"


def test_a_request_sent_again_a_day_ahead_is_a_new_one_and_kept_as_such(server: Server) -> None:
    bot = server.make_bot("act")
    keyed = {"Idempotency-Key": "tap"}
    guest = bot.acting_for(server.sign_up().id)
    body = new_event()
    ids = [guest.post("/events", json=body, headers=keyed).json()["id"]]
    server.clock.advance(days=1, seconds=1)
    ids += [guest.post("/events", json=body, headers=keyed).json()["id"] for _ in range(2)]
    server.clock.advance(days=-1, seconds=-1)
    ids += [guest.post("/events", json=body, headers=keyed).json()["id"]]
    assert len(set(ids)) == 2
    assert ids[1:] == ids[1:2] * 3


def test_failed_logins_of_tomorrow_lock_nobody_out_today(server: Server) -> None:
    user = server.sign_up()
    wrong = {"email": user.account["email"], "password": "not this one"}
    server.clock.advance(days=1)
    for _ in range(2):
        check_problem(server.client.post("/login", json=wrong), 401)
    check_problem(server.client.post("/login", json=wrong), 429)
    server.clock.advance(days=-1)
    assert server.log_in(user.account["email"])
    server.clock.advance(minutes=2)


def test_each_reminder_comes_once_whatever_the_clock_did(server: Server) -> None:
    bot = server.make_bot("act", "deliver")
    guest = bot.acting_for(bot.put("/identities/telegram/77", json={"first_name": "Guest"}).json()["id"])
    start = server.clock.now + timedelta(days=2, minutes=30)
    times = {"start_time": start.isoformat(), "end_time": (start + timedelta(hours=1)).isoformat()}
    event_id = guest.create_event(**times)["id"]
    assert guest.post(f"/events/{event_id}/register").status_code == 201
    told: list[str] = []

    def lease() -> bool:
        for delivery in bot.post("/deliveries/lease").json()["deliveries"]:
            bot.post(f"/deliveries/{delivery['id']}/ack", json={"result": "sent"})
            told.append(delivery["dedupe_key"])
        return len(told) > 0

    server.clock.advance(days=1, hours=1)  # one day before the event, by the wrong clock
    server.wait_for(lease)
    server.clock.advance(days=-2)
    lease()
    server.clock.advance(days=1)
    lease()
    server.clock.advance(days=1)
    lease()
    assert len(told) == 1
    told.clear()
    server.clock.advance(hours=23)
    server.wait_for(lease)  # the reminder one hour before still comes
    assert len(told) == 1
    server.clock.advance(days=-2)


def test_what_is_forgotten_leaves_no_gap_in_the_log(tmp_path: Path) -> None:
    """A change dated tomorrow is among changes of today. Removing old changes must not leave a gap behind it."""
    settings = Settings(database=str(tmp_path / "eventorg.db"), plugins="none", log_level="error", changes_days=1)
    with running(settings) as server:
        server.sign_up()
        server.clock.advance(hours=20)
        server.sign_up()
        server.clock.advance(hours=-20)
        server.sign_up()
        server.clock.advance(days=1, seconds=1)
    with running(settings, server.clock) as server:  # removes old changes at start
        server.wait_for(lambda: server.make_bot("changes").get("/changes?after=0").status_code == 410)
        assert [change["seq"] for change in feed(server, after=1)] == [2, 3]
