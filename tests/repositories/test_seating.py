"""Seats that are given in steps, after a capacity was raised: nobody is passed over, and none stays idle."""

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from eventorg.repositories.seats import Seats
from eventorg.settings import Settings
from eventorg.storage.invariants import find_miscounts
from eventorg.testing import Server, User, check_problem, running
from tests.api.attendance import counts, participants, register
from tests.repositories.tasks import PARTIES, finish_here, kinds, query, told


def test_newcomers_join_the_line_while_it_is_being_seated(idle: Server) -> None:
    host, late, latest = (idle.sign_up() for _ in range(3))
    line = [idle.sign_up() for _ in range(3 * PARTIES)]
    url = f"/events/{host.create_event(capacity=1)['id']}"
    register(url, host, *line)
    seats = 1 + len(line) + 1
    answer = host.patch(url, json={"capacity": seats}).json()
    assert (answer["registered_count"], answer["waitlisted_count"]) == (1 + PARTIES, len(line) - PARTIES)
    assert kinds(idle.settings) == ["fill_seats"]
    (joined,) = register(url, late)
    assert (joined["status"], joined["waitlist_position"]) == ("waitlisted", len(line) - PARTIES + 1)
    assert host.delete(f"{url}/register").status_code == 200, "its seat goes to nobody out of turn"
    assert counts(url, host) == (PARTIES, len(line) - PARTIES + 1)
    finish_here(idle)
    assert participants(url, host) == [(user.id, "registered", None) for user in (*line, late)]
    assert register(url, latest)[0]["status"] == "registered", "and after it newcomers get seats again"


def test_an_event_without_a_line_takes_newcomers_for_whom_a_seat_remains(idle: Server) -> None:
    host, late, latest = (idle.sign_up() for _ in range(3))
    line = [idle.sign_up() for _ in range(2 * PARTIES)]
    url = f"/events/{host.create_event(capacity=1)['id']}"
    register(url, host, *line)
    host.patch(url, json={"capacity": 1 + len(line) + 1, "waitlist": False})
    assert register(url, late)[0]["status"] == "waitlisted"
    check_problem(latest.post(f"{url}/register"), 409, "event_full")
    finish_here(idle)
    assert participants(url, host, "?status=registered") == [
        (user.id, "registered", None) for user in (host, *line, late)
    ]


@pytest.mark.parametrize("change", [{"status": "cancelled"}, {"capacity": 1}])
def test_a_change_ends_the_seating(idle: Server, change: dict[str, Any]) -> None:
    host, *line = (idle.sign_up() for _ in range(2 * PARTIES))
    url = f"/events/{host.create_event(capacity=1)['id']}"
    register(url, host, *line)
    host.patch(url, json={"capacity": None})
    host.patch(url, json=change)
    finish_here(idle)
    assert counts(url, host) == (1 + PARTIES, len(line) - PARTIES)


def test_the_deletion_of_an_event_takes_the_place_of_its_seating(idle: Server) -> None:
    host, *line = (idle.sign_up() for _ in range(2 * PARTIES))
    url = f"/events/{host.create_event(capacity=1)['id']}"
    register(url, host, *line)
    host.patch(url, json={"capacity": None})
    assert kinds(idle.settings) == ["fill_seats"]
    assert host.delete(url).status_code == 200
    assert kinds(idle.settings) == ["delete_event"]
    finish_here(idle)
    assert len(told(host, "registration.promoted")) == PARTIES, "those of the first step"


IDLE_SEATS = """
    SELECT id FROM events
    WHERE status = 'published' AND waitlisted_count > 0 AND (capacity IS NULL OR registered_count < capacity)
"""


def storm(server: Server, urls: list[str], host: User, users: list[User], seed: int) -> None:
    """Registers, leaves, changes capacities and deletes accounts at random."""
    chance = random.Random(seed)
    for _ in range(25):
        url, user = chance.choice(urls), chance.choice(users)
        match chance.choice(["register", "register", "register", "leave", "capacity", "delete"]):
            case "register":
                response = user.post(f"{url}/register")
            case "leave":
                response = user.delete(f"{url}/register")
            case "capacity":
                response = host.patch(url, json={"capacity": chance.choice([1, 3, 9])})
            case _:
                brief = server.sign_up()
                for each in urls:
                    brief.post(f"{each}/register")
                response = brief.delete("/users/me")
        assert response.status_code in (200, 201, 404), response.text


def test_seats_are_right_whatever_happens_between_the_steps(settings: Settings) -> None:
    with running(settings) as server:
        host = server.sign_up()
        urls = [f"/events/{host.create_event(capacity=1)['id']}" for _ in range(2 * PARTIES)]
        users = [server.sign_up() for _ in range(10)]
        with ThreadPoolExecutor(6) as pool:
            storms = [pool.submit(storm, server, urls, host, users, seed) for seed in range(6)]
            while not all(one.done() for one in storms):
                assert find_miscounts(settings.database_path) == []
            for one in storms:
                one.result()
        server.wait_for(lambda: kinds(settings) == [])
        assert find_miscounts(settings.database_path) == []
        assert query(settings, IDLE_SEATS) == []
        assert query(settings, "SELECT count(*) FROM users") == [(1 + len(users),)]
        assert query(settings, "SELECT count(*) FROM changes WHERE type = 'registration.promoted'") > [(0,)]


def test_idle_seats_are_seen(idle: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the storm: seats that nobody gets are found."""
    monkeypatch.setattr(Seats, "fill", lambda *_: None)
    host, guest = idle.sign_up(), idle.sign_up()
    url = f"/events/{host.create_event(capacity=1)['id']}"
    register(url, host, guest)
    host.delete(f"{url}/register")
    assert len(query(idle.settings, IDLE_SEATS)) == 1
