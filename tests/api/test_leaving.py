"""Leaving an event, coming back, and what ends with the event."""

from collections.abc import Callable

import pytest

from eventorg.testing import Server, User, check_problem
from tests.api.attendance import counts, participants, register

HOURS = {"start_time": "2027-01-01T13:00:00Z", "end_time": "2027-01-01T14:00:00Z"}
"""The first hours of a fresh server, whose clock starts at 12:00."""


def make_private(host: User, *guests: User) -> str:
    """Returns the URL of an event that became private after the guests had registered."""
    url = f"/events/{host.create_event()['id']}"
    register(url, *guests)
    assert host.patch(url, json={"visibility": "private"}).status_code == 200
    return url


def test_leaving_a_private_event_again_changes_nothing(host: User, guests: Callable[[int], list[User]]) -> None:
    (guest,) = guests(1)
    url = make_private(host, guest)
    answers = [guest.delete(f"{url}/register") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert [answer.json()["status"] for answer in answers] == ["cancelled"] * 3
    told = host.get("/changes").json()["changes"]
    event_id = url.removeprefix("/events/")
    ended = [row for row in told if (row["event_id"], row["type"]) == (event_id, "registration.cancelled")]
    assert len(ended) == 1


def test_who_left_a_private_event_sees_it_and_comes_back(host: User, guests: Callable[[int], list[User]]) -> None:
    (guest,) = guests(1)
    url = make_private(host, guest)
    guest.delete(f"{url}/register")
    assert guest.get(url).json()["visibility"] == "private"
    assert guest.post(f"{url}/register").status_code == 201
    assert participants(url, host) == [(guest.id, "registered", None)]


@pytest.mark.parametrize("leaves_first", [False, True])
def test_who_was_removed_from_a_private_event_stays_out(
    host: User, guests: Callable[[int], list[User]], leaves_first: bool
) -> None:
    (guest,) = guests(1)
    url = make_private(host, guest)
    if leaves_first:
        guest.delete(f"{url}/register")
    assert host.delete(f"{url}/participants/{guest.id}").json()["status"] == "cancelled"
    for answer in (guest.get(url), guest.post(f"{url}/register"), guest.delete(f"{url}/register")):
        check_problem(answer, 404, "event_not_found")


def test_a_removed_guest_of_a_public_event_does_not_become_one_who_left(
    host: User, guests: Callable[[int], list[User]]
) -> None:
    (guest,) = guests(1)
    url = f"/events/{host.create_event()['id']}"
    register(url, guest)
    host.delete(f"{url}/participants/{guest.id}")
    assert guest.delete(f"{url}/register").status_code == 200
    host.patch(url, json={"visibility": "private"})
    check_problem(guest.get(url), 404, "event_not_found")


def test_a_guest_who_is_back_after_a_removal_can_leave_and_return(
    host: User, guests: Callable[[int], list[User]]
) -> None:
    (guest,) = guests(1)
    url = f"/events/{host.create_event()['id']}"
    register(url, guest)
    host.delete(f"{url}/participants/{guest.id}")
    register(url, guest)
    host.patch(url, json={"visibility": "private"})
    guest.delete(f"{url}/register")
    assert guest.post(f"{url}/register").status_code == 201


def test_strangers_do_not_see_a_private_event(server: Server, host: User) -> None:
    check_problem(server.sign_up().get(make_private(host)), 404, "event_not_found")


def test_a_guest_who_is_checked_in_cannot_leave(host: User, guests: Callable[[int], list[User]]) -> None:
    (guest,) = guests(1)
    url = f"/events/{host.create_event()['id']}"
    register(url, guest)
    host.patch(f"{url}/participants/{guest.id}", json={"status": "attended"})
    check_problem(guest.delete(f"{url}/register"), 409, "already_attended")
    assert participants(url, host) == [(guest.id, "attended", None)]
    assert host.delete(f"{url}/participants/{guest.id}").status_code == 200


def test_nobody_leaves_an_event_that_is_over(fresh_server: Server) -> None:
    host, seated, waiting, left = (fresh_server.sign_up() for _ in range(4))
    url = f"/events/{host.create_event(capacity=1, **HOURS)['id']}"
    register(url, seated, waiting, left)
    left.delete(f"{url}/register")
    fresh_server.clock.advance(hours=2)
    check_problem(seated.delete(f"{url}/register"), 409, "event_over")
    check_problem(waiting.delete(f"{url}/register"), 409, "event_over")
    assert left.delete(f"{url}/register").json()["status"] == "cancelled"
    assert counts(url, host) == (1, 1)


FREED: dict[str, Callable[[User, str, User], object]] = {
    "a host removes someone": lambda host, url, seated: host.delete(f"{url}/participants/{seated.id}"),
    "an account is deleted": lambda host, url, seated: seated.delete("/users/me"),
    "the capacity is raised": lambda host, url, seated: host.patch(url, json={"capacity": 5}),
    "the event is no longer cancelled": lambda host, url, seated: (
        host.post(f"{url}/cancel"),
        host.patch(url, json={"capacity": 5}),
        host.patch(url, json={"status": "published"}),
    ),
}


@pytest.mark.parametrize("way", FREED)
def test_an_event_that_is_over_promotes_nobody(fresh_server: Server, way: str) -> None:
    host, seated, waiting = (fresh_server.sign_up() for _ in range(3))
    url = f"/events/{host.create_event(capacity=1, **HOURS)['id']}"
    register(url, seated, waiting)
    fresh_server.clock.advance(hours=2)
    FREED[way](host, url, seated)
    assert (waiting.id, "waitlisted", 1) in participants(url, host)
    assert host.patch(url, json={"end_time": "2027-01-02T12:00:00Z", "capacity": 2}).status_code == 200
    assert (waiting.id, "registered", None) in participants(url, host), "it goes on after all"
