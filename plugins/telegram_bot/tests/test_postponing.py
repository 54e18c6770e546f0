"""`POST /events/{event_id}/postpone`: everybody becomes a maybe, in steps, and nobody is promoted meanwhile."""

import sys
from typing import Any

import pytest

from eventorg.testing import Server, User, check_problem, eventorg

__all__ = ["eventorg"]
LATER = {"start_time": "2100-01-08T10:00:00Z"}


@pytest.fixture
def eventorg_settings() -> dict[str, str]:
    """A server without a bot."""
    return {}


@pytest.fixture
def postponing(eventorg: Server) -> Any:
    """The module as the server has loaded it."""
    return sys.modules["eventorg_plugins.telegram_bot.postponing"]


def event_with(server: Server, count: int, **fields: Any) -> tuple[User, str, list[User]]:
    host = server.sign_up()
    event = host.create_event(**fields)["id"]
    people = [server.sign_up() for _ in range(count)]
    for person in people:
        assert person.post(f"/events/{event}/register").status_code == 201
    return host, event, people


def test_everybody_becomes_a_maybe_and_the_event_moves(
    eventorg: Server, postponing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postponing, "STEP", 2)
    host, event, people = event_with(eventorg, 5, capacity=3)
    people[0].put(f"/events/{event}/rsvp", json={"answer": "declined"}).raise_for_status()
    before = host.get("/changes?after=latest").json()["next"]
    response = host.post(f"/events/{event}/postpone", json=LATER)
    assert response.json() == {
        "event_id": event,
        "start_time": "2100-01-08T10:00:00Z",
        "end_time": "2100-01-08T12:00:00Z",
        "asked": 4,
    }
    moved = host.get(f"/events/{event}").json()
    counts = {name: moved[name] for name in ("registered_count", "waitlisted_count", "maybe_count", "declined_count")}
    assert counts == {"registered_count": 0, "waitlisted_count": 0, "maybe_count": 4, "declined_count": 1}
    bot = eventorg.make_bot("changes")
    changes = bot.get(f"/changes?after={before}").json()["changes"]
    assert "registration.promoted" not in [change["type"] for change in changes]
    left = [change["user_id"] for change in changes if change["type"] == "registration.cancelled"]
    assert left == [people[number].id for number in (4, 3, 2, 1)], "from the end of the queue to the first seat"


def test_who_is_checked_in_stays(eventorg: Server) -> None:
    host, event, people = event_with(eventorg, 2, start_time="2027-01-01T11:00:00Z", end_time="2027-01-01T13:00:00Z")
    host.patch(f"/events/{event}/participants/{people[0].id}", json={"status": "attended"}).raise_for_status()
    assert host.post(f"/events/{event}/postpone", json=LATER).json()["asked"] == 1
    assert host.get(f"/events/{event}").json()["registered_count"] == 1


def test_who_was_added_by_name_keeps_the_place(eventorg: Server) -> None:
    host, event, _ = event_with(eventorg, 2)
    host.post(f"/events/{event}/participants", json={"first_name": "Olga"}).raise_for_status()
    assert host.post(f"/events/{event}/postpone", json=LATER).json()["asked"] == 2
    moved = host.get(f"/events/{event}").json()
    assert (moved["registered_count"], moved["maybe_count"]) == (1, 2)


def test_a_crash_between_two_steps_loses_nobody(
    eventorg: Server, postponing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, event, _ = event_with(eventorg, 5)
    with monkeypatch.context() as patch:
        patch.setattr(postponing, "STEP", 2)
        patch.setattr(postponing, "_finish", _do_nothing)
        host.post(f"/events/{event}/postpone", json=LATER).raise_for_status()
    assert host.get(f"/events/{event}").json()["maybe_count"] == 0
    eventorg.clock.advance(minutes=6)
    eventorg.wait_for(lambda: host.get(f"/events/{event}").json()["maybe_count"] == 5)


async def _do_nothing(*_: object) -> None:
    """Stands for a process that ends here."""


def test_only_hosts_can_postpone_to_a_possible_time(eventorg: Server) -> None:
    host, event, people = event_with(eventorg, 1)
    check_problem(people[0].post(f"/events/{event}/postpone", json=LATER), 403, "forbidden")
    check_problem(eventorg.sign_up().post("/events/unknown/postpone", json=LATER), 404, "event_not_found")
    early = {"start_time": "2100-01-08T10:00:00Z", "end_time": "2100-01-08T09:00:00Z"}
    check_problem(host.post(f"/events/{event}/postpone", json=early), 422)
    check_problem(host.post(f"/events/{event}/postpone", json={}), 422)
    assert host.get(f"/events/{event}").json()["registered_count"] == 1


def test_a_repeated_request_moves_once(eventorg: Server) -> None:
    host, event, people = event_with(eventorg, 1)
    headers = {"Idempotency-Key": "once"}
    assert host.post(f"/events/{event}/postpone", json=LATER, headers=headers).json()["asked"] == 1
    people[0].post(f"/events/{event}/register").raise_for_status()
    again = host.post(f"/events/{event}/postpone", json=LATER, headers=headers)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert host.get(f"/events/{event}").json()["registered_count"] == 1
