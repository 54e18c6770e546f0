"""The change feed: every committed change once, in order, to those it concerns, and at once."""

import html
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eventorg.repositories import changes as changes_module
from eventorg.repositories.changes import ChangeRepository
from eventorg.settings import Settings
from eventorg.testing import Server, User, check_problem, running

WRITERS = 64
PATIENCE = 10  # far less than the 30 seconds a long poll may take: waking is told from timing out


def follow(user: User, after: int | str | None = None, **query: Any) -> dict[str, Any]:
    """A page of the feed."""
    query |= {} if after is None else {"after": after}
    response = user.get("/changes", params=query, timeout=PATIENCE)
    assert response.status_code == 200, response.text
    page: dict[str, Any] = response.json()
    return page


def told(user: User, after: int) -> list[tuple[str, str | None, str | None]]:
    return [(row["type"], row["event_id"], row["user_id"]) for row in follow(user, after)["changes"]]


def head(user: User) -> int:
    page = follow(user, limit=1000)
    assert len(page["changes"]) < 1000
    return int(page["next"])


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(WRITERS) as pool:
        yield pool


def test_a_follower_rebuilds_the_exact_state_while_64_write_at_once(fresh_server: Server) -> None:
    host = fresh_server.sign_up()
    events = [host.create_event(capacity=5)["id"] for _ in range(2)]
    guests = [fresh_server.sign_up() for _ in range(WRITERS)]
    together, written = threading.Barrier(WRITERS + 1), threading.Event()
    seen: list[dict[str, Any]] = []
    state: dict[tuple[str, str], str] = {}

    def write(guest: User) -> None:
        together.wait()
        for event in events:
            assert guest.post(f"/events/{event}/register").status_code == 201
        assert guest.delete(f"/events/{events[0]}/register").status_code == 200
        assert guest.post(f"/events/{events[0]}/register").status_code == 201

    def read() -> None:
        """Reads each row that a change names anew, and keeps what it says."""
        after = 0
        while True:
            is_last = written.is_set()
            page = follow(host, after, timeout=1, limit=50)
            seen.extend(page["changes"])
            for event, user in {(row["event_id"], row["user_id"]) for row in page["changes"] if row["user_id"]}:
                if event is not None:
                    registration = host.get(f"/events/{event}/participants/{user}").json()
                    state[event, user] = registration["status"]
            after = page["next"]
            if is_last and not page["changes"]:
                return

    with ThreadPoolExecutor(WRITERS + 1) as pool:
        reading = pool.submit(read)
        writing = [pool.submit(write, guest) for guest in guests]
        try:
            together.wait()
            for one in writing:
                one.result()
        finally:
            written.set()
        reading.result()

    listed = [row for event in events for row in host.get(f"/events/{event}/participants").json()["participants"]]
    assert {key: status for key, status in state.items() if key[1] != host.id} == {
        (row["event_id"], row["user_id"]): row["status"] for row in listed
    }
    with closing(sqlite3.connect(fresh_server.settings.database_path)) as file:
        query = f"SELECT seq FROM changes WHERE event_id IN {tuple(events)} OR user_id = '{host.id}' ORDER BY seq"
        assert [row["seq"] for row in seen] == [seq for (seq,) in file.execute(query)]
    assert len(seen) >= 4 * WRITERS


@pytest.mark.parametrize("looked_up", [-1, 1000])
@pytest.mark.parametrize("surplus", [1, 8])
@pytest.mark.parametrize("limit", [1, 2, 3, 1000])
def test_pages_of_any_size_tell_the_same(
    server: Server, monkeypatch: pytest.MonkeyPatch, limit: int, surplus: int, looked_up: int
) -> None:
    monkeypatch.setattr(changes_module, "MAX_LOOKED_UP", looked_up)
    monkeypatch.setattr(changes_module, "SURPLUS", surplus)
    user = server.sign_up()
    after = head(user)
    for number in range(4):
        user.create_event(title=str(number))
        server.sign_up()  # nothing to do with this user
    whole, paged = follow(user, after)["changes"], []
    while page := follow(user, after, limit=limit)["changes"]:
        assert len(page) <= limit
        paged += page
        after = page[-1]["seq"]
    assert paged == whole
    assert [row["type"] for row in whole] == ["event.created"] * 4


def test_without_news_a_long_poll_ends_empty_at_its_time(server: Server) -> None:
    user = server.sign_up()
    after = head(user)
    assert follow(user, after, timeout=0.05) == {"changes": [], "next": after}


News = Callable[["Story"], object]


class Story:
    """A user who waits, and another with whom it has to do."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.user, self.other = server.sign_up(), server.sign_up()
        self.mine, self.theirs = (f"/events/{user.create_event()['id']}" for user in (self.user, self.other))
        assert self.user.post(f"{self.theirs}/register").status_code == 201
        self.new = f"/events/{self.other.create_event()['id']}"
        self.after = head(self.user)


RELEVANT: dict[str, tuple[News, str]] = {
    "a guest registers": (lambda s: s.other.post(f"{s.mine}/register"), "registration.created"),
    "an attended event changes": (lambda s: s.other.patch(s.theirs, json={"title": "New"}), "event.updated"),
    "an attended event is cancelled": (lambda s: s.other.post(f"{s.theirs}/cancel"), "event.cancelled"),
    "an attended event is deleted": (lambda s: s.other.delete(s.theirs), "event.deleted"),
    "its organizer's account is deleted": (lambda s: s.other.delete("/users/me"), "event.deleted"),
    "a host removes it": (lambda s: s.other.delete(f"{s.theirs}/participants/{s.user.id}"), "registration.cancelled"),
    "it is made a co-host": (lambda s: s.other.post(f"{s.new}/hosts", json={"user_id": s.user.id}), "event.updated"),
    "it changes itself": (lambda s: s.user.patch("/users/me", json={"first_name": "Anna"}), "user.updated"),
    "it makes an event": (lambda s: s.user.create_event(), "event.created"),
    "it registers": (lambda s: s.user.post(f"{s.new}/register"), "registration.created"),
}


@pytest.mark.parametrize("news", RELEVANT)
def test_a_long_poll_wakes_at_what_concerns_it(
    server: Server, waits: "queue.Queue[float]", pool: ThreadPoolExecutor, news: str
) -> None:
    happen, kind = RELEVANT[news]
    story = Story(server)
    waiting = pool.submit(follow, story.user, story.after, timeout=30)
    waits.get(timeout=PATIENCE)
    happen(story)
    page = waiting.result()
    assert [row["type"] for row in page["changes"]] == [kind]
    assert follow(story.user, page["next"])["changes"] == []


@pytest.mark.parametrize("news", RELEVANT)
def test_what_concerns_one_is_the_same_from_ones_events_and_from_the_changes(
    server: Server, monkeypatch: pytest.MonkeyPatch, news: str
) -> None:
    happen, kind = RELEVANT[news]
    stranger, story = server.sign_up(), Story(server)
    happen(story)
    pages = []
    for looked_up, surplus in ((1000, 8), (-1, 8), (-1, 1)):
        monkeypatch.setattr(changes_module, "MAX_LOOKED_UP", looked_up)
        monkeypatch.setattr(changes_module, "SURPLUS", surplus)
        pages.append([follow(user, story.after) for user in (story.user, stranger)])
    assert pages[0] == pages[1] == pages[2]
    assert [[row["type"] for row in page["changes"]] for page in pages[0]] == [[kind], []]


def test_what_does_not_concern_one_neither_wakes_nor_costs_a_query(
    fresh_server: Server, waits: "queue.Queue[float]", pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    story, stranger = Story(fresh_server), fresh_server.sign_up()
    finds: list[object] = []
    find = ChangeRepository.find_new

    async def counted(self: ChangeRepository, *arguments: Any) -> Any:
        finds.append(arguments)
        return await find(self, *arguments)

    waiting = [pool.submit(follow, story.user, story.after, timeout=30) for _ in range(20)]
    for _ in waiting:
        waits.get(timeout=PATIENCE)
    monkeypatch.setattr(ChangeRepository, "find_new", counted)
    for number in range(10):
        stranger.create_event(title=str(number))
    assert finds == []
    assert waits.empty()
    assert not any(one.done() for one in waiting)
    story.user.create_event(title="News")
    assert [[row["type"] for row in one.result()["changes"]] for one in waiting] == [["event.created"]] * 20
    assert len(finds) == 20


def test_strangers_are_told_nothing(server: Server) -> None:
    organizer, stranger = server.sign_up(), server.sign_up()
    after = head(stranger)
    for fields in ({}, {"status": "draft"}, {"visibility": "private"}):
        organizer.post(f"/events/{organizer.create_event(**fields)['id']}/cancel")
    assert told(stranger, after) == []


def test_who_leaves_or_is_no_host_any_more_is_told_that_and_no_more(server: Server) -> None:
    organizer, guest, host = (server.sign_up() for _ in range(3))
    event = organizer.create_event()["id"]
    after = head(organizer)
    guest.post(f"/events/{event}/register")
    organizer.post(f"/events/{event}/hosts", json={"user_id": host.id})
    guest.delete(f"/events/{event}/register")
    organizer.delete(f"/events/{event}/hosts/{host.id}")
    organizer.patch(f"/events/{event}", json={"title": "Secret", "visibility": "private"})
    came, left = ("registration.created", event, guest.id), ("registration.cancelled", event, guest.id)
    assert told(guest, after) == [came, left]
    assert told(host, after) == [("event.updated", event, host.id)] * 2
    everything = [came, ("event.updated", event, host.id), left, ("event.updated", event, host.id)]
    assert told(organizer, after) == [*everything, ("event.updated", event, None)]


def test_a_deleted_event_is_told_to_those_it_concerned(server: Server) -> None:
    organizer, host, guest, waiting, gone, stranger = (server.sign_up() for _ in range(6))
    event = organizer.create_event(capacity=1)["id"]
    organizer.post(f"/events/{event}/hosts", json={"user_id": host.id})
    for user in (guest, waiting, gone):
        user.post(f"/events/{event}/register")
    gone.delete(f"/events/{event}/register")
    after = head(organizer)
    organizer.delete(f"/events/{event}")
    for user in (organizer, host, guest, waiting):
        assert told(user, after) == [("event.deleted", event, None)]
    assert told(gone, after) == told(stranger, after) == []


def test_a_deleted_account_is_told_to_those_it_had_to_do_with(server: Server) -> None:
    leaving, host, waiting, heir, guest = (server.sign_up() for _ in range(5))
    attended = host.create_event(capacity=1)["id"]
    orphaned, handed_over = leaving.create_event()["id"], leaving.create_event()["id"]
    for user in (leaving, waiting):
        user.post(f"/events/{attended}/register")
    guest.post(f"/events/{orphaned}/register")
    leaving.post(f"/events/{handed_over}/hosts", json={"user_id": heir.id})
    heir.patch(f"/events/{handed_over}", json={"title": "Ours"})
    after = head(host)
    assert leaving.delete("/users/me").status_code == 200
    left = ("registration.cancelled", attended, leaving.id)
    promoted = ("registration.promoted", attended, waiting.id)
    assert told(host, after) == told(waiting, after) == [left, promoted]
    assert told(heir, after) == [("event.updated", handed_over, heir.id)]
    assert told(guest, after) == [("event.deleted", orphaned, None)]


def test_the_latest_number_comes_at_once_and_without_changes(server: Server) -> None:
    user = server.sign_up()
    for query in ({}, {"timeout": 30}, {"limit": 1}):
        user.create_event()
        newest = follow(user)["changes"][-1]["seq"]
        page = follow(user, after="latest", **query)
        assert page == {"changes": [], "next": newest}
    user.create_event()
    assert [row["type"] for row in follow(user, page["next"])["changes"]] == ["event.created"]


@pytest.mark.parametrize(
    "query",
    [
        "after=-1",
        "after=x",
        "after=Latest",
        "after=latest%20",
        "after=1.0",
        "after=",
        f"after={2**53 + 1}",
        "timeout=31",
        "timeout=-1",
        "limit=0",
        "limit=1001",
    ],
)
def test_a_query_out_of_form_is_422(server: Server, query: str) -> None:
    check_problem(server.sign_up().get(f"/changes?{query}"), 422)


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_advice_for_an_expired_cursor_is_the_same_everywhere(server: Server, language: str) -> None:
    user, asking = server.sign_up(), {"Accept-Language": language}
    problem = check_problem(user.get(f"/changes?after={2**53}", headers=asking), 410)
    page = html.unescape(server.client.get(problem["type"], headers=asking).text)
    operation = server.client.get("/openapi.json").json()["paths"]["/changes"]["get"]
    texts = [problem["detail"], page, operation["description"], operation["responses"]["410"]["description"]]
    assert ["after=<as_of>" in text for text in texts] == [True] * 4
    assert not any("start without" in text or "начните без" in text for text in texts)


def test_a_number_that_was_never_given_is_410(server: Server) -> None:
    user = server.sign_up()
    check_problem(user.get(f"/changes?after={head(user) + 1_000_000}"), 410, "cursor_expired")
    check_problem(user.get(f"/changes?after={2**53}&timeout=30"), 410, "cursor_expired")
    check_problem(user.get(f"/changes?after={2**63}"), 422)


def test_what_is_older_than_is_kept_goes_and_its_cursors_are_410(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept = threading.Event()

    class ToldChangeRepository(ChangeRepository):
        async def forget(self, before: str) -> None:
            await super().forget(before)
            swept.set()

    monkeypatch.setattr("eventorg.core.ChangeRepository", ToldChangeRepository)
    settings = Settings(plugins="none", database=str(tmp_path / "eventorg.db"), log_level="error", changes_days=2)
    with running(settings) as server:
        user, clock = server.sign_up(), server.clock
        email = user.account["email"]
        clock.advance(days=2)
        user.token = server.log_in(email)
        user.create_event()
        whole = follow(user)
        assert [row["type"] for row in whole["changes"]] == ["user.created", "event.created"]
        assert follow(user, 0)["changes"] == whole["changes"]
        clock.advance(seconds=1)
    swept.clear()
    with running(settings, clock) as server:  # housekeeping sweeps at the start, and every hour
        assert swept.wait(PATIENCE)
        user = User(server.client, user.account, server.log_in(email))
        kept = follow(user)
        assert kept == {"changes": whole["changes"][1:], "next": whole["next"]}
        check_problem(user.get("/changes?after=0"), 410, "cursor_expired")
        oldest = kept["changes"][0]["seq"]
        assert follow(user, oldest - 1)["changes"] == kept["changes"]
        check_problem(user.get(f"/changes?after={oldest - 2}"), 410, "cursor_expired")
        clock.advance(days=3)
    swept.clear()
    with running(settings, clock) as server:
        assert swept.wait(PATIENCE)
        user = User(server.client, user.account, server.log_in(email))
        assert follow(user) == {"changes": [], "next": whole["next"]}
        assert follow(user, whole["next"]) == {"changes": [], "next": whole["next"]}
        user.create_event()
        assert [row["seq"] for row in follow(user, whole["next"])["changes"]] == [whole["next"] + 1]


def test_what_led_up_to_a_deletion_is_still_told_to_those_it_concerned(server: Server) -> None:
    host, guest = server.sign_up(), server.sign_up()
    after = head(guest)
    event = host.create_event()["id"]
    guest.post(f"/events/{event}/register")
    host.patch(f"/events/{event}", json={"title": "Moved"})
    host.delete(f"/events/{event}")
    told = [change["type"] for change in follow(guest, after)["changes"]]
    assert told == ["event.created", "registration.created", "event.updated", "event.deleted"]


@pytest.mark.parametrize("looked_up", [1000, -1])
def test_who_takes_an_event_over_is_told_what_led_up_to_that(
    server: Server, monkeypatch: pytest.MonkeyPatch, looked_up: int
) -> None:
    monkeypatch.setattr(changes_module, "MAX_LOOKED_UP", looked_up)
    leaving, heir, guest = (server.sign_up() for _ in range(3))
    after = head(heir)
    event = leaving.create_event()["id"]
    guest.post(f"/events/{event}/register")
    leaving.post(f"/events/{event}/hosts", json={"user_id": heir.id})
    heir.patch(f"/events/{event}", json={"title": "Ours"})
    leaving.delete("/users/me")
    expected = ["event.created", "registration.created", "event.updated", "event.updated", "event.updated"]
    assert [change["type"] for change in follow(heir, after)["changes"]] == expected
    heir.delete(f"/events/{event}")
    for user in (heir, guest):
        assert [change["type"] for change in follow(user, after)["changes"]] == [*expected, "event.deleted"]
