"""The waiting list: promotion, its order, and counters that match the rows."""

import random
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eventorg.settings import Settings
from eventorg.storage.invariants import find_miscounts
from eventorg.testing import Server, User, check_problem, running


class Hall:
    """An event with some seats, and guests in order of registration, referred to by number."""

    def __init__(self, server: Server, seats: int | None, guests: int, **fields: Any) -> None:
        self.server = server
        self.host = server.sign_up()
        self.url = f"/events/{self.host.create_event(capacity=seats, **fields)['id']}"
        self.guests = [server.sign_up() for _ in range(guests)]
        for number in range(guests):
            self.register(number)

    def register(self, number: int) -> dict[str, Any]:
        response = self.guests[number].post(f"{self.url}/register")
        assert response.status_code == 201, response.text
        registration: dict[str, Any] = response.json()
        return registration

    def leave(self, number: int) -> None:
        assert self.guests[number].delete(f"{self.url}/register").status_code == 200

    def patch(self, **fields: Any) -> dict[str, Any]:
        response = self.host.patch(self.url, json=fields)
        assert response.status_code == 200, response.text
        event: dict[str, Any] = response.json()
        return event

    def seated(self) -> list[int]:
        return self._listed("registered")

    def waiting(self) -> list[int]:
        """Returns the waiting guests in order, after checking that positions are 1..n for every viewer."""
        listed = self._participants("waitlisted")
        assert [row["waitlist_position"] for row in listed] == list(range(1, len(listed) + 1))
        numbers = self._listed("waitlisted")
        for position, number in enumerate(numbers, start=1):
            own = self.guests[number].get(f"{self.url}/participants/me").json()
            assert own["waitlist_position"] == position
        return numbers

    def _listed(self, status: str) -> list[int]:
        numbers = {guest.id: number for number, guest in enumerate(self.guests)}
        return [numbers[row["user_id"]] for row in self._participants(status)]

    def _participants(self, status: str) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.host.get(f"{self.url}/participants?status={status}").json()["participants"]
        event = self.host.get(self.url).json()
        assert event["registered_count" if status == "registered" else "waitlisted_count"] == len(listed)
        return listed


def remove_first(hall: Hall) -> None:
    assert hall.host.delete(f"{hall.url}/participants/{hall.guests[0].id}").status_code == 200


def delete_first_account(hall: Hall) -> None:
    assert hall.guests[0].delete("/users/me").status_code == 200


FREED: dict[str, tuple[Callable[[Hall], object], list[int], list[int]]] = {
    "leaving": (lambda hall: hall.leave(0), [1, 2], [3, 4]),
    "removed by a host": (remove_first, [1, 2], [3, 4]),
    "account deleted": (delete_first_account, [1, 2], [3, 4]),
    "capacity raised by one": (lambda hall: hall.patch(capacity=3), [0, 1, 2], [3, 4]),
    "capacity raised by two": (lambda hall: hall.patch(capacity=4), [0, 1, 2, 3], [4]),
    "capacity raised beyond the line": (lambda hall: hall.patch(capacity=9), [0, 1, 2, 3, 4], []),
    "capacity removed": (lambda hall: hall.patch(capacity=None), [0, 1, 2, 3, 4], []),
    "capacity raised and the list closed": (lambda hall: hall.patch(capacity=3, waitlist=False), [0, 1, 2], [3, 4]),
    "somebody in line leaving": (lambda hall: hall.leave(2), [0, 1], [3, 4]),
    "the account of somebody in line deleted": (lambda hall: hall.guests[3].delete("/users/me"), [0, 1], [2, 4]),
    "the title changed": (lambda hall: hall.patch(title="Another"), [0, 1], [2, 3, 4]),
}


@pytest.mark.parametrize("way", FREED)
def test_a_seat_that_comes_free_goes_to_the_first_in_line(server: Server, way: str) -> None:
    happen, seated, waiting = FREED[way]
    hall = Hall(server, seats=2, guests=5)
    assert (hall.seated(), hall.waiting()) == ([0, 1], [2, 3, 4])
    happen(hall)
    assert (hall.seated(), hall.waiting()) == (seated, waiting)


def test_a_checked_in_guest_who_is_removed_frees_a_seat(server: Server) -> None:
    hall = Hall(server, seats=1, guests=2)
    assert hall.host.patch(f"{hall.url}/participants/{hall.guests[0].id}", json={"status": "attended"}).is_success
    assert hall.host.get(hall.url).json()["registered_count"] == 1
    assert hall.waiting() == [1]
    remove_first(hall)
    assert (hall.seated(), hall.waiting()) == ([1], [])


def test_a_closed_list_takes_nobody_but_keeps_those_in_it(server: Server) -> None:
    hall = Hall(server, seats=1, guests=3)
    hall.patch(waitlist=False)
    late = server.sign_up()
    check_problem(late.post(f"{hall.url}/register"), 409, "event_full")
    assert hall.waiting() == [1, 2]
    hall.leave(0)
    assert (hall.seated(), hall.waiting()) == ([1], [2])
    check_problem(late.post(f"{hall.url}/register"), 409, "event_full")
    hall.patch(waitlist=True)
    hall.guests.append(late)
    assert hall.register(3)["waitlist_position"] == 2


def test_who_leaves_the_line_has_no_position_any_more(server: Server) -> None:
    hall = Hall(server, seats=1, guests=2)
    left = hall.guests[1].delete(f"{hall.url}/register").json()
    assert (left["status"], left["waitlist_position"]) == ("cancelled", None)
    assert hall.guests[1].get(f"{hall.url}/participants/me").json() == left


def test_leaving_and_coming_back_goes_to_the_end(server: Server) -> None:
    hall = Hall(server, seats=1, guests=4)
    hall.leave(1)
    assert hall.register(1)["waitlist_position"] == 3
    assert hall.waiting() == [2, 3, 1]
    hall.leave(0)
    assert hall.register(0)["waitlist_position"] == 3
    assert (hall.seated(), hall.waiting()) == ([2], [3, 1, 0])
    listed = hall.host.get(f"{hall.url}/participants").json()["participants"]
    assert [row["user_id"] for row in listed] == [hall.guests[number].id for number in (2, 3, 1, 0)]


def test_a_lower_capacity_throws_nobody_out_and_needs_as_many_to_leave(server: Server) -> None:
    hall = Hall(server, seats=4, guests=6)
    event = hall.patch(capacity=2)
    assert (event["capacity"], event["registered_count"]) == (2, 4)
    hall.leave(0)
    hall.leave(1)
    assert (hall.seated(), hall.waiting()) == ([2, 3], [4, 5])
    hall.leave(2)
    assert (hall.seated(), hall.waiting()) == ([3, 4], [5])


def test_nobody_moves_up_in_a_cancelled_event_until_it_is_taken_back(server: Server) -> None:
    hall = Hall(server, seats=2, guests=5)
    assert hall.host.post(f"{hall.url}/cancel").status_code == 200
    hall.leave(0)
    hall.patch(capacity=3)
    assert (hall.seated(), hall.waiting()) == ([1], [2, 3, 4])
    check_problem(server.sign_up().post(f"{hall.url}/register"), 409, "event_cancelled")
    assert hall.patch(status="published")["registered_count"] == 3
    assert (hall.seated(), hall.waiting()) == ([1, 2, 3], [4])


def test_the_line_survives_a_restart(tmp_path: Path) -> None:
    settings = Settings(plugins="none", database=str(tmp_path / "eventorg.db"), log_level="error")
    with running(settings) as server:
        hall = Hall(server, seats=1, guests=4)
        hall.leave(1)
    with running(settings) as server:
        for user in (hall.host, *hall.guests):
            user.client = server.client
        assert hall.waiting() == [2, 3]
        assert hall.register(1)["waitlist_position"] == 3
        hall.leave(0)
        assert (hall.seated(), hall.waiting()) == ([2], [3, 1])


MISCOUNTED = """
    SELECT id FROM events
    WHERE registered_count <> (
        SELECT coalesce(sum(1 + guests), 0) FROM registrations
        WHERE event_id = events.id AND status IN ('registered', 'attended')
    )
    OR (waitlisted_count, pending_count) <> (
        SELECT coalesce(sum((1 + guests) * approved), 0), coalesce(sum((1 + guests) * (1 - approved)), 0)
        FROM registrations WHERE event_id = events.id AND status = 'waitlisted'
    )
    OR (maybe_count, declined_count) <> (
        SELECT count(*) FILTER (WHERE answer = 'maybe'), count(*) FILTER (WHERE answer = 'declined')
        FROM rsvps WHERE event_id = events.id
    )
"""
IDLE_SEATS = """
    SELECT id FROM events
    WHERE status = 'published' AND EXISTS (
        SELECT 1 FROM registrations
        WHERE event_id = events.id AND registrations.status = 'waitlisted' AND approved = 1
            AND (capacity IS NULL OR registered_count + 1 + guests <= capacity)
    )
"""


def storm(halls: list[Hall], users: list[User], seed: int, steps: int) -> None:
    """Runs random actions of several users at once."""
    chance = random.Random(seed)
    for _ in range(steps):
        hall, user = chance.choice(halls), chance.choice(users)
        person = f"{hall.url}/participants/{user.id}"
        match chance.choice(["register", "register", "leave", "remove", "check in", "capacity", "status"]):
            case "register":
                response = user.post(f"{hall.url}/register")
            case "leave":
                response = user.delete(f"{hall.url}/register")
            case "remove":
                response = hall.host.delete(person)
            case "check in":
                response = hall.host.patch(person, json={"status": "attended"})
            case "capacity":
                response = hall.host.patch(hall.url, json={"capacity": chance.choice([1, 2, 3, 5])})
            case _:
                response = hall.host.patch(hall.url, json={"status": chance.choice(["published", "cancelled"])})
        assert response.status_code in (200, 201, 404, 409), response.text


def test_the_counters_equal_the_rows_during_and_after_a_storm(fresh_server: Server) -> None:
    halls = [Hall(fresh_server, seats=2, guests=0) for _ in range(3)]
    users = [fresh_server.sign_up() for _ in range(12)]
    path = fresh_server.settings.database_path
    with ThreadPoolExecutor(8) as pool, closing(sqlite3.connect(path)) as file:
        storms = [pool.submit(storm, halls, users, seed, 60) for seed in range(8)]
        while not all(one.done() for one in storms):
            assert file.execute(MISCOUNTED).fetchall() == []
            assert file.execute(IDLE_SEATS).fetchall() == []
            assert find_miscounts(path) == []
        for one in storms:
            one.result()
        assert file.execute("SELECT count(*) FROM changes WHERE type = 'registration.promoted'").fetchone()[0] > 0
        assert file.execute(MISCOUNTED).fetchall() == []


@pytest.mark.parametrize("counter", ["registered_count", "waitlisted_count"])
def test_check_finds_a_counter_that_is_wrong(fresh_server: Server, counter: str) -> None:
    hall = Hall(fresh_server, seats=1, guests=2)
    path = fresh_server.settings.database_path
    assert find_miscounts(path) == []
    with closing(sqlite3.connect(path)) as file, file:
        file.execute(f"UPDATE events SET {counter} = {counter} + 1")
    (fault,) = find_miscounts(path)
    assert hall.url.rpartition("/")[2] in fault


def test_who_moves_up_is_told_by_name(server: Server) -> None:
    hall = Hall(server, 1, 2)
    hall.leave(0)
    told = [change for change in hall.host.get("/changes").json()["changes"] if change["type"].endswith("promoted")]
    event_id = hall.url.removeprefix("/events/")
    assert [(change["event_id"], change["user_id"]) for change in told] == [(event_id, hall.guests[1].id)]
