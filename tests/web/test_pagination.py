"""Paging through a list returns every untouched row exactly once while others write."""

import random
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any
from uuid import uuid4

import pytest

from eventorg.domain.normal_forms import fold
from eventorg.repositories.event_pages import MAX_PAGE_BYTES
from eventorg.testing import Server, User, check_problem

ROWS = 1_000


def walk(user: User, url: str, rows: str, **query: Any) -> Iterator[dict[str, Any]]:
    """Returns all rows of a list, read page by page."""
    cursor: dict[str, str] = {}
    while True:
        page = user.get(url, params=query | cursor).json()
        yield from page[rows]
        if page["next"] is None:
            return
        cursor = {"cursor": page["next"]}


@pytest.fixture
def crowd(fresh_server: Server) -> dict[str, Any]:
    """A thousand events of one user and a thousand guests of one event, inserted with SQL. Many start at once."""
    user = fresh_server.sign_up()
    meeting = user.create_event(title="Встреча")
    now, guests, events = "2027-01-01T12:00:00Z", [], []
    for number in range(ROWS):
        start = f"2080-01-01T{number % 24:02}:00:00Z"
        events.append((str(uuid4()), f"code{number}", f"Event {number}", start, user.id, fold(f"Event {number}")))
        guests.append(str(uuid4()))
    with closing(sqlite3.connect(fresh_server.settings.database_path)) as file, file:
        file.executemany(
            "INSERT INTO events (id, code, title, start_time, end_time, timezone, organizer_id, waitlist, status,"
            " visibility, search_text, registered_count, waitlisted_count, version, created_at, updated_at)"
            f" VALUES (?, ?, ?, ?, '2081', 'UTC', ?, 1, 'published', 'public', ?, 0, 0, 1, '{now}', '{now}')",
            events,
        )
        file.executemany(
            "INSERT INTO users (id, locale, timezone, token_version, version, created_at, updated_at)"
            f" VALUES (?, 'ru', 'UTC', 1, 1, '{now}', '{now}')",
            [(guest,) for guest in guests],
        )
        file.executemany(
            "INSERT INTO registrations (event_id, user_id, status, registration_date)"
            f" VALUES ('{meeting['id']}', ?, 'registered', '{now}')",
            [(guest,) for guest in guests],
        )
        file.execute("UPDATE events SET registered_count = ? WHERE id = ?", (ROWS, meeting["id"]))
    return {"user": user, "meeting": meeting["id"], "events": [row[0] for row in events], "guests": guests}


@contextmanager
def meanwhile(*works: Callable[[], None]) -> Iterator[None]:
    """Repeats each function in a thread of its own until the block ends, at least once."""
    over, failures = threading.Event(), list[BaseException]()

    def run(work: Callable[[], None]) -> None:
        try:
            work()
            while not over.is_set():
                work()
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert failures == []


@pytest.mark.parametrize("query", [{"limit": 7}, {"limit": 7, "q": "event"}], ids=str)
def test_walking_events_while_others_write_yields_each_untouched_one_once(crowd: Any, query: dict[str, Any]) -> None:
    user, chance = crowd["user"], random.Random(1)
    touched = chance.sample(crowd["events"], 200)
    doomed, moved = iter(touched[:100]), iter(touched[100:])

    def insert() -> None:
        start = f"2080-01-01T{chance.randrange(24):02}:30:00Z"
        user.create_event(title="New event", start_time=start, end_time="2081-01-01T00:00:00Z")

    def remove() -> None:
        if event_id := next(doomed, None):
            assert user.delete(f"/events/{event_id}").status_code == 200

    def move() -> None:
        if event_id := next(moved, None):
            new_start = {"start_time": f"2080-01-01T{chance.randrange(24):02}:45:00Z"}
            assert user.patch(f"/events/{event_id}", json=new_start).status_code == 200

    with meanwhile(insert, remove, move):
        walked = list(walk(user, "/events", "events", organizer_id=user.id, **query))
    seen = [event["id"] for event in walked if event["id"] in set(crowd["events"]) - set(touched)]
    assert len(seen) == len(set(seen)) == ROWS - len(touched)
    untouched = [(event["start_time"], event["id"]) for event in walked if event["id"] in set(seen)]
    assert untouched == sorted(untouched)


def test_walking_participants_while_others_come_and_go_yields_each_untouched_one_once(
    fresh_server: Server, crowd: Any
) -> None:
    host, url = crowd["user"], f"/events/{crowd['meeting']}"
    touched = random.Random(2).sample(crowd["guests"], 200)
    doomed = iter(touched)

    def come() -> None:
        assert fresh_server.sign_up().post(f"{url}/register").status_code == 201

    def go() -> None:
        if user_id := next(doomed, None):
            assert host.delete(f"{url}/participants/{user_id}").status_code == 200

    with meanwhile(come, go):
        walked = [row["user_id"] for row in walk(host, f"{url}/participants", "participants", limit=7)]
    assert len(walked) == len(set(walked))
    assert [guest for guest in walked if guest in set(crowd["guests"]) - set(touched)] == [
        guest for guest in crowd["guests"] if guest not in set(touched)
    ]


def test_positions_go_on_from_page_to_page(server: Server) -> None:
    host, guests = server.sign_up(), [server.sign_up() for _ in range(7)]
    url = f"/events/{host.create_event(capacity=2)['id']}"
    for guest in guests:
        guest.post(f"{url}/register")
    whole = host.get(f"{url}/participants").json()["participants"]
    assert [row["waitlist_position"] for row in whole] == [None, None, 1, 2, 3, 4, 5]
    for limit in (1, 2, 3, 7):
        assert list(walk(host, f"{url}/participants", "participants", limit=limit)) == whole
    assert list(walk(host, f"{url}/participants", "participants", limit=2, status="waitlisted")) == whole[2:]
    check_problem(host.get(f"{url}/participants?limit=0"), 422)


def test_hosts_are_listed_page_by_page(server: Server) -> None:
    organizer, heirs = server.sign_up(), [server.sign_up() for _ in range(4)]
    url = f"/events/{organizer.create_event()['id']}/hosts"
    for heir in heirs:
        assert organizer.post(url, json={"user_id": heir.id}).status_code == 201
    page = organizer.get(url).json()
    assert list(page) == ["event_id", "hosts", "next", "as_of"]
    assert page["hosts"][0]["user_id"] == organizer.id
    assert page["next"] is None
    for limit in (1, 2, 5):
        assert list(walk(organizer, url, "hosts", limit=limit)) == page["hosts"]
    with_names = list(walk(organizer, url, "hosts", limit=2, expand="user"))
    assert [host["user"]["id"] for host in with_names] == [host["user_id"] for host in page["hosts"]]
    for query in ("limit=0", "limit=1001", "cursor=none", "cursor=MTI"):
        check_problem(organizer.get(f"{url}?{query}"), 422)


def test_a_page_is_bounded_in_bytes(fresh_server: Server, crowd: dict[str, Any]) -> None:
    """With the longest descriptions, a page has fewer events than its limit, and no event is lost."""
    with closing(sqlite3.connect(fresh_server.settings.database_path)) as file, file:
        file.execute("UPDATE events SET description = ?", ("漢" * 4_000,))
    page = fresh_server.client.get("/events", params={"limit": 1_000})
    found = page.json()
    assert 900_000 < len(page.content) < MAX_PAGE_BYTES
    assert 50 < len(found["events"]) < 100
    assert found["next"] is not None
    listed = [event["id"] for event in walk(crowd["user"], "/events", "events", limit=1_000)]
    assert sorted(listed) == sorted([*crowd["events"], crowd["meeting"]])
    assert len(fresh_server.client.get("/events", params={"limit": 3}).json()["events"]) == 3


def test_lists_tell_the_change_at_which_they_were_read(server: Server) -> None:
    """Following the changes after `as_of` shows whatever happens after the list was read, and nothing from before."""
    user, guest = server.sign_up(), server.sign_up()
    event = user.create_event()
    url = f"/events/{event['id']}"
    guest.post(f"{url}/register")
    for path in ("/events", "/events?limit=1", f"{url}/participants", f"{url}/participants?limit=1", f"{url}/hosts",
                 f"{url}/participants?expand=user", f"{url}/hosts?expand=user",
                 f"{url}/rsvps?expand=user", f"/users?ids={user.id}",
                 "/users/me/events", "/users/me/events?limit=1"):  # fmt: skip
        as_of = user.get(path).json()["as_of"]
        assert user.get(f"/changes?after={as_of}").json()["changes"] == [], path
        user.patch(url, json={"title": f"Changed after {path}"})
        (change,) = user.get(f"/changes?after={as_of}").json()["changes"]
        assert (change["type"], change["event_id"]) == ("event.updated", event["id"])
        assert user.get(path).json()["as_of"] == change["seq"], path


def test_the_change_is_told_when_the_log_is_empty(fresh_server: Server) -> None:
    assert fresh_server.client.get("/events").json() == {"events": [], "next": None, "as_of": 0}
    fresh_server.sign_up()
    with closing(sqlite3.connect(fresh_server.settings.database_path)) as file, file:
        file.execute("DELETE FROM changes")  # as the retention does
    assert fresh_server.client.get("/events").json()["as_of"] == 1
