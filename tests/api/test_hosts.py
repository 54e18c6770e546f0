"""Co-hosts: what makes one the next organizer, and what others can do to somebody by making them one."""

from collections.abc import Callable

import pytest

from eventorg.testing import Server, User, check_problem
from tests.api.attendance import register

ACTS: dict[str, Callable[[User, str, User], object]] = {
    "changes the event": lambda heir, url, guest: heir.patch(url, json={"title": "Ours"}),
    "checks somebody in": lambda heir, url, guest: heir.patch(
        f"{url}/participants/{guest.id}", json={"status": "attended"}
    ),
    "removes somebody": lambda heir, url, guest: heir.delete(f"{url}/participants/{guest.id}"),
}
IDLE: dict[str, Callable[[User, str, User], object]] = {
    "does nothing": lambda heir, url, guest: None,
    "reads": lambda heir, url, guest: heir.get(f"{url}/participants"),
    "registers": lambda heir, url, guest: heir.post(f"{url}/register"),
    "changes nothing": lambda heir, url, guest: heir.patch(url, json={}),
    "undoes no check-in": lambda heir, url, guest: heir.patch(
        f"{url}/participants/{guest.id}", json={"status": "registered"}
    ),
}


def hosted(server: Server) -> tuple[User, User, User, str]:
    """Returns an organizer, a co-host, a participant and the URL of their event."""
    maker, heir, guest = (server.sign_up() for _ in range(3))
    url = f"/events/{maker.create_event()['id']}"
    register(url, guest)
    assert maker.post(f"{url}/hosts", json={"user_id": heir.id}).status_code == 201
    return maker, heir, guest, url


@pytest.mark.parametrize("act", ACTS)
def test_an_event_passes_to_a_co_host_who_acted(server: Server, act: str) -> None:
    maker, heir, guest, url = hosted(server)
    ACTS[act](heir, url, guest)
    assert maker.delete("/users/me").status_code == 200
    assert heir.get(url).json()["organizer_id"] == heir.id


@pytest.mark.parametrize("act", IDLE)
def test_an_event_does_not_pass_to_a_co_host_who_never_acted(server: Server, act: str) -> None:
    maker, heir, guest, url = hosted(server)
    IDLE[act](heir, url, guest)
    assert maker.delete("/users/me").status_code == 200
    check_problem(heir.get(url), 404, "event_not_found")
    assert heir.get("/users/me/events").json()["organized_events"] == []


def test_the_longest_serving_of_those_who_acted_takes_over(fresh_server: Server) -> None:
    maker, idle, _, url = hosted(fresh_server)
    later, latest = fresh_server.sign_up(), fresh_server.sign_up()
    for host in (later, latest):
        fresh_server.clock.advance(minutes=1)
        maker.post(f"{url}/hosts", json={"user_id": host.id})
    for number, host in enumerate((latest, later)):
        host.patch(url, json={"title": f"Version {number}"})
    maker.delete("/users/me")
    assert idle.get(url).json()["organizer_id"] == later.id


def test_a_co_host_leaves_the_hosts(server: Server) -> None:
    maker, heir, _, url = hosted(server)
    assert heir.delete(f"{url}/hosts/me").status_code == 200
    check_problem(heir.delete(f"{url}/hosts/me"), 403, "forbidden")
    assert [host["user_id"] for host in maker.get(f"{url}/hosts").json()["hosts"]] == [maker.id]
    check_problem(maker.delete(f"{url}/hosts/me"), 404, "host_not_found")
