"""The limits of waiting and catching up: places for each caller, the end of a client, and work that a page needs."""

import asyncio
import queue
import socket
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from eventorg.background.feed import MAX_CATCHING_UP, Feed
from eventorg.domain.waiting import MAX_WAITING
from eventorg.repositories import changes as changes_module
from eventorg.repositories.changes import ChangeRepository
from eventorg.storage.transactions import Transaction
from eventorg.testing import Bot, Server, User, check_problem
from tests.background.test_feed_streams import stream

PATIENCE = 10


@contextmanager
def poll(server: Server, user: User | Bot, query: str) -> Iterator[socket.socket]:
    """A long poll on a connection of its own, which ends with the block."""
    url = httpx.URL(server.url)
    headers = "".join(f"{name}: {value}\r\n" for name, value in ({"Host": "x"} | user.headers).items())
    with socket.create_connection((url.host, url.port or 0), PATIENCE) as connection:
        connection.sendall(f"GET /changes?{query} HTTP/1.1\r\n{headers}\r\n".encode())
        yield connection


def feed_of(server: Server) -> Feed:
    assert server.app is not None
    feed: Feed = server.app.state.feed
    return feed


def test_a_long_poll_ends_with_its_client(fresh_server: Server, waits: "queue.Queue[float]") -> None:
    user, feed = fresh_server.sign_up(), feed_of(fresh_server)
    for _ in range(MAX_WAITING + 1):  # each gives its place back
        with poll(fresh_server, user, "after=latest&timeout=30"):
            pass
        with poll(fresh_server, user, "after=1&timeout=30"):
            waits.get(timeout=PATIENCE)
            assert feed.followers == 1
        fresh_server.wait_for(lambda: feed.followers == 0)


def test_a_caller_has_so_many_places_and_others_have_theirs(fresh_server: Server, waits: "queue.Queue[float]") -> None:
    user, other, bot = fresh_server.sign_up(), fresh_server.sign_up(), fresh_server.make_bot("act")
    after, feed = user.get("/changes?after=latest").json()["next"], feed_of(fresh_server)
    acting = bot.acting_for(user.id)
    with ExitStack() as stack:
        for _ in range(MAX_WAITING - 1):
            stack.enter_context(poll(fresh_server, user, f"after={after}&timeout=30"))
        events = stack.enter_context(stream(fresh_server, user, f"/changes?after={after}"))
        for _ in range(MAX_WAITING):
            waits.get(timeout=PATIENCE)
        refused = user.get(f"/changes?after={after}&timeout=30")
        check_problem(refused, 429, "too_many_waiting")
        assert int(refused.headers["Retry-After"]) > 0
        with stream(fresh_server, user, f"/changes?after={after}") as refused_stream:
            assert refused_stream.response.status_code == 429
        for caller in (other, acting):
            assert caller.get(f"/changes?after={after}&timeout=0.01").status_code == 200
        assert user.get(f"/changes?after={after}").status_code == 200
        events.response.close()
        fresh_server.wait_for(lambda: feed.followers == MAX_WAITING - 1)
        fresh_server.wait_for(lambda: user.get(f"/changes?after={after}&timeout=0.01").status_code == 200)


def test_streams_that_catch_up_take_turns(fresh_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes_module, "MAX_LOOKED_UP", -1)
    user = fresh_server.sign_up()
    running = peak = 0
    find = ChangeRepository.find

    async def counted(self: ChangeRepository, *arguments: Any) -> Any:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        try:
            for _ in range(100):  # gives all others the time to come
                await asyncio.sleep(0)
            return await find(self, *arguments)
        finally:
            running -= 1

    monkeypatch.setattr(ChangeRepository, "find", counted)

    def listen() -> str:
        with stream(fresh_server, user) as events:
            return events.event()["event"]

    with ThreadPoolExecutor(8) as pool:
        assert [*pool.map(lambda _: listen(), range(16))] == ["user.created"] * 16
    assert peak == MAX_CATCHING_UP


def test_who_waits_again_needs_no_look_at_its_events_and_misses_none(
    fresh_server: Server, waits: "queue.Queue[float]", monkeypatch: pytest.MonkeyPatch
) -> None:
    user, host = fresh_server.sign_up(), fresh_server.sign_up()
    looks: list[str] = []
    find = ChangeRepository.find_audience

    async def counted(self: ChangeRepository, user_id: str) -> list[str]:
        looks.append(user_id)
        return await find(self, user_id)

    monkeypatch.setattr(ChangeRepository, "find_audience", counted)
    after = user.get("/changes?after=latest").json()["next"]
    assert user.get(f"/changes?after={after}&timeout=0.01").json()["changes"] == []
    url = f"/events/{host.create_event()['id']}"
    host.post(f"{url}/hosts", json={"user_id": user.id})
    after = user.get("/changes?after=latest").json()["next"]
    for _ in range(3):
        while not waits.empty():
            waits.get()
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(user.get, f"/changes?after={after}&timeout=30", timeout=PATIENCE)
            waits.get(timeout=PATIENCE)
            host.patch(url, json={"title": f"News {after}"})
            page = waiting.result().json()
        assert [change["type"] for change in page["changes"]] == ["event.updated"]
        after = page["next"]
    assert looks == [user.id]


@pytest.mark.parametrize("kept", [0, 10_000])
def test_users_who_no_longer_wait_are_forgotten_in_time(
    fresh_server: Server, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    monkeypatch.setattr("eventorg.background.feed.MAX_IDLE_SUBJECTS", kept)
    feed = feed_of(fresh_server)
    for _ in range(3):
        user = fresh_server.sign_up()
        user.create_event()
        after = user.get("/changes?after=latest").json()["next"]
        assert user.get(f"/changes?after={after}&timeout=0.01").json()["changes"] == []
    assert (len(feed._watches), len(feed._watching), feed._idle_subjects) == ((3, 6, 6) if kept else (0, 0, 0))


def test_a_removed_host_is_told_of_the_removal_and_of_nothing_after_it(
    server: Server, waits: "queue.Queue[float]"
) -> None:
    organizer, host = server.sign_up(), server.sign_up()
    url = f"/events/{organizer.create_event()['id']}"
    organizer.post(f"{url}/hosts", json={"user_id": host.id})
    with stream(server, host, "/changes?after=latest") as events:
        waits.get(timeout=PATIENCE)
        organizer.patch(url, json={"title": "For hosts"})
        assert events.event()["event"] == "event.updated"
        assert organizer.delete(f"{url}/hosts/{host.id}").status_code == 200
        removal = events.event()
        organizer.patch(url, json={"title": "Not for former hosts"})
        organizer.delete(url)
        host.patch("/users/me", json={"first_name": "Anna"})
        after = events.event()
    assert (removal["event"], after["event"]) == ("event.updated", "user.updated")


def work_of(server: Server, user: User, after: int, limit: int) -> int:
    """Returns the hundreds of SQLite's steps that a page takes."""
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    repository = feed_of(server)._changes
    with closing(sqlite3.connect(server.settings.database_path)) as file:
        file.row_factory = sqlite3.Row
        file.set_progress_handler(count, 100)
        repository._find(Transaction(file, lambda: datetime.now(UTC)), user.id, after, limit)
    return steps


def add_past(server: Server, event: dict[str, Any], events: int, changes: int) -> None:
    """Adds copies of an event with changes of each."""
    with closing(sqlite3.connect(server.settings.database_path)) as file:
        columns = {row[1]: row[1] for row in file.execute("PRAGMA table_info(events)")}
        copied = columns | {"seq": "NULL", "id": "?", "code": "?"}
        copy = f"INSERT INTO events ({','.join(copied)}) SELECT {','.join(copied.values())} FROM events WHERE id = ?"
        ids = [str(uuid4()) for _ in range(events)]
        file.executemany(copy, ((name, name[:13], event["id"]) for name in ids))
        told = (
            "INSERT INTO changes (at, type, event_id, organizer_id)"
            " SELECT '2027-01-01T00:00:00Z', 'event.updated', id, organizer_id FROM events WHERE id = ?"
        )
        file.executemany(told, ((name,) for _ in range(changes) for name in ids))
        file.commit()


def test_a_page_costs_its_limit_and_not_ones_past(fresh_server: Server) -> None:
    user = fresh_server.sign_up()
    event = user.create_event()
    add_past(fresh_server, event, 100, 5)
    before = [work_of(fresh_server, user, 0, limit) for limit in (10, 100)]
    add_past(fresh_server, event, 1_000, 20)
    after = [work_of(fresh_server, user, 0, limit) for limit in (10, 100)]
    head = user.get("/changes?after=latest").json()["next"]
    assert before == after
    assert before[0] < before[1] / 4
    assert work_of(fresh_server, user, head - 500, 100) < 2 * before[1]


def test_new_changes_cost_the_same_however_many_deletions_one_has_seen(fresh_server: Server) -> None:
    user, other = fresh_server.sign_up(), fresh_server.sign_up()
    work = []
    for deletions in (1, 1_000):
        add_deletions(fresh_server, user, deletions)
        after = user.get("/changes?after=latest").json()["next"]
        for _ in range(5):
            other.create_event()
        work.append(work_of(fresh_server, user, after, 100))
    assert work[1] <= work[0] + 1


def add_deletions(server: Server, user: User, number: int) -> None:
    """Adds deleted events of a user."""
    with closing(sqlite3.connect(server.settings.database_path)) as file:
        for _ in range(number):
            deletion = "INSERT INTO changes (at, type, event_id) VALUES ('2027-01-01T00:00:00Z', 'event.deleted', ?)"
            seq = file.execute(deletion, (str(uuid4()),)).lastrowid
            file.execute("INSERT INTO change_audience (user_id, seq) VALUES (?, ?)", (user.id, seq))
        file.commit()
