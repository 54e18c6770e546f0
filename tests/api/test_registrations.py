"""Seats and the waiting list: first come, first served, never one too many."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from eventorg.domain.errors import Conflict
from eventorg.domain.registrations import RegistrationStatus, check_seated
from eventorg.testing import Server, User, check_problem
from tests.api.attendance import counts, participants, register


def test_a_registration_says_who_comes_when_and_how(fresh_server: Server) -> None:
    user = fresh_server.sign_up()
    event_id = user.create_event()["id"]
    assert register(f"/events/{event_id}", user) == [
        {
            "event_id": event_id,
            "user_id": user.id,
            "status": "registered",
            "registration_date": "2027-01-01T12:00:00Z",
            "waitlist_position": None,
            "guests": 0,
            "guest_names": [],
            "approved": True,
        }
    ]


def test_a_double_tap_is_the_same_registration(fresh_server: Server) -> None:
    user, other = fresh_server.sign_up(), fresh_server.sign_up()
    url = f"/events/{user.create_event(capacity=1)['id']}"
    first, waiting = register(url, user, other)
    fresh_server.clock.advance(minutes=1)
    for guest, registration in ((user, first), (other, waiting)):
        again = guest.post(f"{url}/register", json={"user_id": guest.id})
        assert (again.status_code, again.json()) == (200, registration)
    assert counts(url, user) == (1, 1)


@pytest.mark.parametrize("body", [None, {}, {"user_id": None}])
def test_the_user_can_be_left_out(host: User, body: Any) -> None:
    response = host.post(f"/events/{host.create_event()['id']}/register", json=body)
    assert (response.status_code, response.json()["user_id"]) == (201, host.id)


def test_nobody_registers_another(server: Server, host: User) -> None:
    url = f"/events/{host.create_event()['id']}"
    check_problem(host.post(f"{url}/register", json={"user_id": server.sign_up().id}), 403, "forbidden")
    assert counts(url, host) == (0, 0)


def test_a_full_event_has_a_line(host: User, guests: Callable[[int], list[User]]) -> None:
    url = f"/events/{host.create_event(capacity=2)['id']}"
    made = register(url, *guests(5))
    assert [(row["status"], row["waitlist_position"]) for row in made] == [
        ("registered", None),
        ("registered", None),
        ("waitlisted", 1),
        ("waitlisted", 2),
        ("waitlisted", 3),
    ]
    assert counts(url, host) == (2, 3)


def test_a_full_event_without_a_line_is_409(host: User, guests: Callable[[int], list[User]]) -> None:
    url = f"/events/{host.create_event(capacity=1, waitlist=False)['id']}"
    first, second = guests(2)
    register(url, first)
    check_problem(second.post(f"{url}/register"), 409, "event_full")
    assert first.post(f"{url}/register").status_code == 200
    assert participants(url, host) == [(first.id, "registered", None)]


def test_an_event_that_is_not_open_is_409(host: User, server: Server) -> None:
    guest = server.sign_up()
    cancelled, over, draft = (host.create_event(title=title) for title in ("cancelled", "over", "draft"))
    register(f"/events/{cancelled['id']}", host)
    host.patch(f"/events/{cancelled['id']}", json={"status": "cancelled"})
    times = {"start_time": "2026-01-01T10:00:00Z", "end_time": "2027-01-01T12:00:00Z"}  # ends now
    host.patch(f"/events/{over['id']}", json=times)
    host.patch(f"/events/{draft['id']}", json={"status": "draft"})
    check_problem(guest.post(f"/events/{cancelled['id']}/register"), 409, "event_cancelled")
    check_problem(guest.post(f"/events/{over['id']}/register"), 409, "event_over")
    check_problem(host.post(f"/events/{draft['id']}/register"), 409, "event_not_open")
    assert host.post(f"/events/{cancelled['id']}/register").status_code == 200  # already registered


def test_an_event_that_has_begun_is_open_until_its_end(host: User) -> None:
    event = host.create_event(start_time="2026-01-01T10:00:00Z", end_time="2027-01-01T12:00:01Z")
    register(f"/events/{event['id']}", host)


def test_less_capacity_throws_nobody_out(host: User, guests: Callable[[int], list[User]]) -> None:
    url = f"/events/{host.create_event(capacity=3)['id']}"
    first, second, third, late = guests(4)
    register(url, first, second, third)
    assert host.patch(url, json={"capacity": 1}).json()["registered_count"] == 3
    register(url, late)
    assert first.delete("/users/me").status_code == 200
    assert second.delete("/users/me").status_code == 200
    assert participants(url, host) == [(third.id, "registered", None), (late.id, "waitlisted", 1)]
    assert third.delete("/users/me").status_code == 200
    assert participants(url, host) == [(late.id, "registered", None)]


@pytest.mark.parametrize(("capacity", "promoted"), [(2, 1), (3, 2), (None, 3)])
def test_more_capacity_goes_to_the_first_in_line(
    host: User, guests: Callable[[int], list[User]], capacity: int | None, promoted: int
) -> None:
    url = f"/events/{host.create_event(capacity=1)['id']}"
    seated, *line = guests(4)
    register(url, seated, *line)
    answer = host.patch(url, json={"capacity": capacity}).json()
    assert (answer["registered_count"], answer["waitlisted_count"]) == (1 + promoted, 3 - promoted)
    assert participants(url, host) == [
        (seated.id, "registered", None),
        *((user.id, "registered", None) for user in line[:promoted]),
        *((user.id, "waitlisted", place) for place, user in enumerate(line[promoted:], 1)),
    ]


def test_nobody_moves_up_in_a_cancelled_event(host: User, guests: Callable[[int], list[User]]) -> None:
    url = f"/events/{host.create_event(capacity=1)['id']}"
    first, second = guests(2)
    register(url, first, second)
    host.patch(url, json={"status": "cancelled"})
    assert first.delete("/users/me").status_code == 200
    assert participants(url, host) == [(second.id, "waitlisted", 1)]
    host.patch(url, json={"status": "published"})
    assert participants(url, host) == [(second.id, "registered", None)]


def test_last_seats_go_to_as_many_as_there_are(host: User, guests: Callable[[int], list[User]]) -> None:
    url = f"/events/{host.create_event(capacity=3)['id']}"
    crowd = guests(12)
    with ThreadPoolExecutor(12) as pool:
        made = [response.json() for response in pool.map(lambda user: user.post(f"{url}/register"), crowd)]
    assert sum(row["status"] == "registered" for row in made) == 3
    assert sorted(row["waitlist_position"] for row in made if row["status"] == "waitlisted") == list(range(1, 10))
    assert counts(url, host) == (3, 9)


def test_ten_taps_at_once_are_one_registration(host: User) -> None:
    url = f"/events/{host.create_event()['id']}"
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: host.post(f"{url}/register"), range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]
    assert len({answer.text for answer in answers}) == 1
    assert counts(url, host) == (1, 0)


@pytest.mark.parametrize("status", ["registered", "attended", "waitlisted", "cancelled"])
def test_who_has_a_seat_can_be_checked_in(status: RegistrationStatus) -> None:
    if status in ("registered", "attended"):
        check_seated(status)
    else:
        with pytest.raises(Conflict, match=f"registration_{status}"):
            check_seated(status)


def test_what_becomes_of_a_registration_is_told_by_its_event_and_its_user(
    host: User, guests: Callable[[int], list[User]]
) -> None:
    event_id = host.create_event()["id"]
    (guest,) = guests(1)
    register(f"/events/{event_id}", guest)
    for status in ("attended", "registered"):
        host.patch(f"/events/{event_id}/participants/{guest.id}", json={"status": status})
    guest.delete(f"/events/{event_id}/register")
    told = [row for row in guest.get("/changes").json()["changes"] if row["type"].startswith("registration.")]
    assert [row["type"].partition(".")[2] for row in told] == ["created", "attended", "updated", "cancelled"]
    assert {(row["event_id"], row["user_id"]) for row in told} == {(event_id, guest.id)}


def test_what_is_not_there_is_named(host: User, guests: Callable[[int], list[User]]) -> None:
    (guest,) = guests(1)
    url = f"/events/{host.create_event()['id']}"
    for response in (
        guest.delete(f"{url}/register"),
        host.get(f"{url}/participants/{guest.id}"),
        host.delete(f"{url}/participants/{guest.id}"),
        host.patch(f"{url}/participants/{guest.id}", json={"status": "attended"}),
    ):
        check_problem(response, 404, "registration_not_found")
    never = "0b9fdc1e-7f5c-4a55-9f0e-3c1d5d3a6f11"
    check_problem(guest.get(f"/users/{never}/events"), 404, "user_not_found")


def test_a_body_that_may_be_left_out_is_not_null(server: Server) -> None:
    user = server.sign_up()
    url = f"/events/{user.create_event()['id']}/register"
    check_problem(user.post(url, json=None, content="null", headers={"Content-Type": "application/json"}), 422)
    assert user.post(url).status_code == 201
