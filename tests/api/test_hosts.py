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


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventorg.domain.hosts.MAX_PENDING_HOSTS", 5)
    monkeypatch.setattr("eventorg.domain.hosts.MAX_PENDING_OF_ONE_HOST", 3)


def add(maker: User, host: User, number: int) -> list[str]:
    """Makes a user co-host of a number of new events, and returns their URLs."""
    urls = [f"/events/{maker.create_event()['id']}" for _ in range(number)]
    for url in urls:
        assert maker.post(f"{url}/hosts", json={"user_id": host.id}).status_code == 201
    return urls


@pytest.mark.usefixtures("few")
def test_a_stranger_becomes_co_host_of_a_few_events(server: Server) -> None:
    maker, stranger, another = (server.sign_up() for _ in range(3))
    urls = add(maker, stranger, 3)
    fourth = f"/events/{maker.create_event()['id']}/hosts"
    check_problem(maker.post(fourth, json={"user_id": stranger.id}), 409, "too_many_pending_hosts")
    assert maker.post(f"{urls[0]}/hosts", json={"user_id": stranger.id}).status_code == 200, "a co-host already"
    assert len(stranger.get("/users/me/events").json()["organized_events"]) == 3
    add(another, stranger, 3)  # each organizer for itself
    assert stranger.delete(f"{urls[0]}/hosts/me").status_code == 200
    assert maker.post(fourth, json={"user_id": stranger.id}).status_code == 201


@pytest.mark.usefixtures("few")
def test_an_organizer_has_a_few_co_hosts_who_never_acted(server: Server) -> None:
    maker = server.sign_up()
    for _ in range(5):
        add(maker, server.sign_up(), 1)
    url = f"/events/{maker.create_event()['id']}/hosts"
    check_problem(maker.post(url, json={"user_id": server.sign_up().id}), 409, "too_many_pending_hosts")


@pytest.mark.usefixtures("few")
def test_a_co_host_who_has_acted_can_be_added_to_any_number(server: Server) -> None:
    maker, known = server.sign_up(), server.sign_up()
    (url,) = add(maker, known, 1)
    known.patch(url, json={"title": "Ours"})
    add(maker, known, 9)
    add(maker, server.sign_up(), 3)


@pytest.mark.usefixtures("few")
def test_roles_of_a_month_ago_do_not_count(fresh_server: Server) -> None:
    maker, stranger = fresh_server.sign_up(), fresh_server.sign_up()
    add(maker, stranger, 3)
    fresh_server.clock.advance(days=30)
    maker.token = fresh_server.log_in(maker.account["email"])
    add(maker, stranger, 3)
