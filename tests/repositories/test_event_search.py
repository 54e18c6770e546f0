"""A search for text reads about as much of a large file as of a small one, and each plan finds the same."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest

from eventorg.core import Core, utc_now
from eventorg.domain.events import EventQuery
from eventorg.repositories import event_search
from eventorg.repositories.event_search import WALKED, compose_text_searches
from eventorg.settings import Settings
from eventorg.storage.sqlite import connect_reader
from eventorg.storage.transactions import Transaction
from eventorg.testing import Server, User

SMALL, LARGE = 2 * WALKED, 8 * WALKED


def add_events(path: Path, number: int, titles: Callable[[int], str]) -> None:
    """Adds public events of nobody, one a minute."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            """
            INSERT INTO events (
                id, code, title, start_time, end_time, organizer_id, waitlist, status, visibility, search_text,
                registered_count, waitlisted_count, version, created_at, updated_at, description, location, timezone
            )
            VALUES (
                ?1, ?1, ?2, ?3, '2101-01-01T00:00:00Z', '', 1, 'published', 'public', ?2, 0, 0, 1, ?3, ?3, '', '', 'UTC'
            )
            """,
            (
                (f"{at:09}", titles(at), f"2100-01-{1 + at // 1440:02}T{at // 60 % 24:02}:{at % 60:02}:00Z")
                for at in range(number)
            ),
        )


class Searched:
    """A file with events, whose searches are counted in steps of SQLite."""

    def __init__(self, folder: Path, number: int, titles: Callable[[int], str]) -> None:
        self.core = Core(Settings(database=str(folder / "eventorg.db"), plugins="none"))
        self.core.prepare()
        add_events(self.core.settings.database_path, number, titles)

    @contextmanager
    def reading(self) -> Iterator[tuple[sqlite3.Connection, Transaction]]:
        with closing(connect_reader(self.core.settings.database_path)) as connection:
            yield connection, Transaction(connection, utc_now, can_write=False)

    def count(self, wanted: EventQuery) -> tuple[int, int]:
        """Returns the number of steps of the search, and of the events that it finds."""
        steps = 0

        def step() -> None:
            nonlocal steps
            steps += 1

        with self.reading() as (connection, tx):
            connection.set_progress_handler(step, 1)
            events, _, _ = self.core.event_pages.search(tx, wanted, None, None, None, 20)
        return steps, len(events)

    def plans(self, wanted: EventQuery) -> list[str]:
        """Returns how the text is looked for, in turn, and before which event."""
        with self.reading() as (_, tx):
            composed = compose_text_searches(tx, self.core.sql, wanted, None, None, None, 20)
            return [
                f"{'index' if 'phrase' in values else 'rows'} {values.get('before_id', '')}".strip()
                for _, values in composed
            ]


def test_a_common_text_costs_the_same_in_a_larger_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    searched = []
    for size in (SMALL, LARGE):
        folder = tmp_path / str(size)
        folder.mkdir()
        searched.append(Searched(folder, size, lambda at: f"tea party {at}"))
    (small, first), (large, other) = (one.count(EventQuery(q="party")) for one in searched)
    assert first == other == 20
    assert large < 1.1 * small
    monkeypatch.setattr(event_search, "MAX_RARE", LARGE)
    (small, _), (large, _) = (one.count(EventQuery(q="party")) for one in searched)
    assert large > 3 * small, "the index alone reads every match"


def test_a_walk_that_finds_nothing_costs_little_more_than_the_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched = Searched(tmp_path, LARGE, lambda at: "party" if at >= LARGE // 2 else "quiet")
    assert searched.plans(EventQuery(q="party")) == [f"rows {WALKED:09}", "index"]
    steps, found = searched.count(EventQuery(q="party"))
    monkeypatch.setattr(event_search, "MAX_RARE", LARGE)
    by_index, found_by_index = searched.count(EventQuery(q="party"))
    assert found == found_by_index == 20
    assert steps - by_index < 40 * WALKED


def test_a_rare_text_costs_the_same_in_a_larger_file(tmp_path: Path) -> None:
    costs = []
    for size in (SMALL, LARGE):
        folder = tmp_path / str(size)
        folder.mkdir()
        searched = Searched(folder, size, lambda at: "quiet" if at % (size // 5) else "rare")  # noqa: B023
        steps, found = searched.count(EventQuery(q="rare"))
        assert found == 5
        costs.append(steps)
    assert costs[1] < 1.1 * costs[0]


@pytest.mark.parametrize(
    ("wanted", "plans"),
    [
        (EventQuery(q="rare"), ["index"]),
        (EventQuery(q="pa"), ["rows"]),
        (EventQuery(q="party", organizer_id="somebody"), ["index"]),
        (EventQuery(q="party", metadata={"key": "value"}), ["index"]),
        (EventQuery(q="party"), [f"rows {WALKED:09}", "index"]),
        (EventQuery(q="party", start_from="2100-01-01T00:10:00Z"), [f"rows {WALKED + 10:09}", "index"]),
        (EventQuery(q="party", start_from="2100-01-01T20:00:00Z"), ["rows"]),
        (EventQuery(q="party", start_to="2100-01-01T10:00:00Z"), ["rows"]),
        (EventQuery(q="party", status="cancelled"), ["rows"]),
    ],
    ids=str,
)
def test_only_a_common_text_without_a_narrower_filter_is_looked_for_in_each_event(
    tmp_path: Path, wanted: EventQuery, plans: list[str]
) -> None:
    assert Searched(tmp_path, SMALL, lambda at: "party").plans(wanted) == plans


@pytest.fixture
def people(fresh_server: Server) -> tuple[User, User]:
    """A host with events of all kinds, many at the same time, and a stranger."""
    host, stranger = fresh_server.sign_up(), fresh_server.sign_up()
    for number in range(24):
        start = f"2100-01-0{1 + number // 5}"
        host.create_event(
            title=f"{'Чайная' if number % 3 else 'Кофейная'} party {number}",
            start_time=f"{start}T10:00:00Z",
            end_time=f"{start}T11:00:00Z",
            visibility="private" if number % 7 == 0 else "public",
            status="draft" if number % 11 == 0 else "published",
        )
    return host, stranger


def test_all_plans_find_the_same_events_in_the_same_order(
    people: tuple[User, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    queries: list[dict[str, Any]] = [
        {"q": text} | times | size
        for text, times, size in product(
            ["party", "ЧАЙНАЯ", "кофейная party 1", "nothing", "party 2"],
            [{}, {"from": "2100-01-02T10:00:00Z"}, {"to": "2100-01-04T10:00:00Z"}, {"status": "draft"}],
            [{"limit": 1}, {"limit": 4}, {"limit": 100}],
        )
    ]
    rare = [list(pages(user, query)) for user in people for query in queries]
    assert sum(map(len, rare)) > 200
    for most, walked in ((0, 2), (0, 6), (0, 1_000), (4, 9)):
        monkeypatch.setattr(event_search, "MAX_RARE", most)
        monkeypatch.setattr(event_search, "WALKED", walked)
        assert [list(pages(user, query)) for user in people for query in queries] == rare


def pages(user: User, query: dict[str, Any]) -> Iterator[list[str]]:
    """Yields the titles of each page."""
    cursor: dict[str, str] = {}
    while True:
        answer: httpx.Response = user.get("/events", params=query | cursor)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        yield [event["title"] for event in page["events"]]
        if page["next"] is None:
            return
        cursor = {"cursor": page["next"]}
