"""The list of participants: order, pages, filters, and JSON that SQLite makes."""

import threading
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from eventorg.domain.registrations import Registration
from eventorg.repositories.participants import ParticipantRepository
from eventorg.testing import Server, User
from tests.api.attendance import participants, register


def test_all_participants_are_listed_unless_a_limit_is_given(host: User, guests: Callable[[int], list[User]]) -> None:
    url = f"/events/{host.create_event(capacity=2)['id']}"
    crowd = guests(5)
    made = register(url, *crowd)
    whole = host.get(f"{url}/participants").json()
    assert (whole["participants"], whole["next"]) == (made, None)
    for limit in (1, 2, 3, 5, 1000):
        assert walk(url, host, limit) == made


@pytest.mark.parametrize("most", [2, 3, 4])
def test_an_event_of_many_is_listed_like_one_of_few(
    host: User, guests: Callable[[int], list[User]], monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr("eventorg.repositories.participants.MAX_LOOKED_UP", most)
    url = f"/events/{host.create_event(capacity=2)['id']}"
    crowd = guests(3)
    made = register(url, *crowd)
    assert host.patch(url, json={"visibility": "private"}).status_code == 200
    for viewer in (host, crowd[0]):
        assert viewer.get(f"{url}/participants").json()["participants"] == made
        assert walk(url, viewer, 1) == made


def test_a_list_that_may_be_long_is_read_off_the_loop(
    host: User, guests: Callable[[int], list[User]], monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    make_list = ParticipantRepository._list

    def noting(*arguments: Any) -> Any:
        threads.append(threading.get_ident())
        return make_list(*arguments)

    monkeypatch.setattr(ParticipantRepository, "_list", noting)
    monkeypatch.setattr("eventorg.repositories.participants.MAX_LOOKED_UP", 2)
    url = f"/events/{host.create_event(capacity=1)['id']}"
    register(url, *guests(2))
    for query in ("", "?status=registered", "?status=cancelled"):  # cancelled registrations have no counter
        participants(url, host, query)
    register(url, *guests(1))  # one more on the waiting list
    participants(url, host)
    loop, same, other, many = threads
    assert loop == same
    assert loop not in (other, many)


def walk(url: str, viewer: User, limit: int, status: str = "") -> list[dict[str, Any]]:
    """Returns all pages as one list. Every page but the last is full, and only a single page may be empty."""
    found: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": limit} | ({"status": status} if status else {})
    while True:
        page = viewer.get(f"{url}/participants", params=query).json()
        assert page["event_id"] == url.removeprefix("/events/")
        assert page["participants"] or not found
        found += page["participants"]
        if page["next"] is None:
            return found
        assert len(page["participants"]) == limit
        query["cursor"] = page["next"]


def test_participants_are_filtered_by_status(host: User, guests: Callable[[int], list[User]]) -> None:
    url = f"/events/{host.create_event(capacity=2)['id']}"
    made = register(url, *guests(5))
    for limit in (1, 2, 10):
        assert walk(url, host, limit, "registered") == made[:2]
        assert walk(url, host, limit, "waitlisted") == made[2:]
        assert walk(url, host, limit, "cancelled") == []


def test_a_walk_sees_each_untouched_row_once_while_others_write(
    server: Server, host: User, guests: Callable[[int], list[User]]
) -> None:
    url = f"/events/{host.create_event(capacity=2)['id']}"
    crowd = guests(6)
    register(url, *crowd)
    page = host.get(f"{url}/participants?limit=3").json()
    late = server.sign_up()
    register(url, late)
    assert crowd[2].delete("/users/me").status_code == 200  # already seen: it waited first
    assert crowd[4].delete("/users/me").status_code == 200  # not seen yet
    rest = participants(url, host, f"?cursor={page['next']}")
    assert [row["user_id"] for row in page["participants"]] == [user.id for user in crowd[:3]]
    assert rest == [
        (crowd[3].id, "waitlisted", 1),
        (crowd[5].id, "waitlisted", 2),
        (late.id, "waitlisted", 3),
    ]


def test_the_json_that_sqlite_makes_is_a_list_of_registrations(host: User, guests: Callable[[int], list[User]]) -> None:
    url = f"/events/{host.create_event(capacity=1)['id']}"
    register(url, *guests(2))
    listed = host.get(f"{url}/participants").json()["participants"]
    assert [tuple(row) for row in listed] == [Registration.__struct_fields__] * 2
    assert [one.status for one in msgspec.convert(listed, list[Registration])] == ["registered", "waitlisted"]
