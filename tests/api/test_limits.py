"""Limits: sign-ups per address, and events per user."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from eventorg.domain.events import STORED_PER_LIVE
from eventorg.settings import Settings
from eventorg.testing import Server, User, check_problem, running
from tests.factories import new_event, new_user

HOURS = {"start_time": "2027-01-01T13:00:00Z", "end_time": "2027-01-01T14:00:00Z"}
LIMIT = 2


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Server]:
    settings = Settings(
        plugins="none",
        database=str(tmp_path / "eventorg.db"),
        log_level="error",
        signups_per_minute=3,
        events_per_user=LIMIT,
    )
    with running(settings) as server:
        yield server


def test_sign_ups_of_an_address_are_limited(limited: Server) -> None:
    for _ in range(3):
        assert limited.client.post("/users", json=new_user()).status_code == 201
    refused = limited.client.post("/users", json=new_user())
    check_problem(refused, 429, "too_many_requests")
    assert refused.headers["retry-after"] == "20"
    limited.clock.advance(seconds=19)
    check_problem(limited.client.post("/users", json=new_user()), 429)
    limited.clock.advance(seconds=1)
    assert limited.client.post("/users", json=new_user()).status_code == 201


def test_users_share_the_limit_of_their_address_and_bots_have_none(limited: Server) -> None:
    user, bot = limited.sign_up(), limited.make_bot("act")
    keyed = {"Idempotency-Key": "once"}
    account = new_user()
    for _ in range(5):
        assert user.post("/users", json=account, headers=keyed).status_code == 201, "one sign-up"
    limited.sign_up()
    check_problem(user.post("/users", json=new_user()), 429, "too_many_requests")
    for _ in range(5):
        assert bot.post("/users", json=new_user()).status_code == 201


def test_a_user_has_a_limited_number_of_events(limited: Server) -> None:
    user, other = limited.sign_up(), limited.sign_up()
    events = [user.create_event() for _ in range(LIMIT)]
    refused = user.post("/events", json=new_event())
    check_problem(refused, 409, "too_many_events")
    assert other.create_event(), "each has a number of its own"
    assert user.delete(f"/events/{events[0]['id']}").status_code == 200
    user.create_event()
    check_problem(user.post("/events", json=new_event()), 409, "too_many_events")


ENDED: dict[str, Callable[[Server, User, str], Any]] = {
    "is over": lambda server, user, url: server.clock.advance(hours=2),
    "is cancelled": lambda server, user, url: user.post(f"{url}/cancel"),
}


@pytest.mark.parametrize("way", ENDED)
def test_an_event_that_ended_does_not_count(limited: Server, way: str) -> None:
    user = limited.sign_up()
    user.create_event()
    url = f"/events/{user.create_event(**HOURS)['id']}"
    check_problem(user.post("/events", json=new_event()), 409, "too_many_events")
    ENDED[way](limited, user, url)
    assert user.post("/events", json=new_event()).status_code == 201


def test_events_that_ended_are_limited_too(limited: Server) -> None:
    user = limited.sign_up()
    past = {"start_time": "2026-01-01T13:00:00Z", "end_time": "2026-01-01T14:00:00Z"}
    for _ in range(LIMIT * STORED_PER_LIVE):
        user.create_event(**past)
    check_problem(user.post("/events", json=new_event(**past)), 409, "too_many_events")


def test_no_limit_of_sign_ups_is_no_limit(tmp_path: Path) -> None:
    settings = Settings(plugins="none", database=str(tmp_path / "eventorg.db"), log_level="error", signups_per_minute=0)
    with running(settings) as server:
        for _ in range(20):
            server.sign_up()
