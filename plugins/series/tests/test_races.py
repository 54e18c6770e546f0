"""Tests several clients and the plugin's job at the same time."""

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from types import ModuleType
from typing import Any

import pytest

from eventorg.testing import Server

from .scene import Scene, Shown

THREADS = 8


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Calls functions in threads of their own, which begin together, and returns the results in order."""
    barrier = threading.Barrier(len(calls))

    def call(function: Callable[[], Any]) -> Any:
        barrier.wait()
        return function()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(call, calls))


def strays(server: Server, scene: Scene) -> list[str]:
    """Returns the events of the host that are in no series."""
    with closing(sqlite3.connect(server.settings.database_path, timeout=30)) as file:
        query = (
            "SELECT id FROM events WHERE organizer_id = ? AND id NOT IN "
            "(SELECT event_id FROM series_occurrences WHERE event_id IS NOT NULL)"
        )
        return [row[0] for row in file.execute(query, (scene.host.id,))]


def test_an_event_gets_into_one_series(eventorg: Server, scene: Scene) -> None:
    body = {"event_id": scene.event()["id"], "rrule": "FREQ=WEEKLY"}
    answers = at_once(*[lambda: scene.host.post("/series", json=body)] * THREADS)
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: THREADS - 1}
    (series,) = [answer.json() for answer in answers if answer.status_code == 201]
    assert len(scene.events(series)) == 13
    assert strays(eventorg, scene) == []
    scene.event()
    assert len(strays(eventorg, scene)) == 1, "a control: an event that is in no series is found"


def test_of_two_changes_of_one_version_one_is_made(scene: Scene) -> None:
    series = scene.repeat(scene.event())
    path = f"/series/{series['id']}"

    def change(number: int, headers: dict[str, str]) -> Callable[[], int]:
        return lambda: int(scene.host.patch(path, json={"title": f"New {number}"}, headers=headers).status_code)

    match = {"If-Match": scene.host.get(path).headers["ETag"]}
    assert sorted(at_once(*[change(number, match) for number in range(THREADS)])) == [200, *[412] * (THREADS - 1)]
    assert at_once(*[change(number, {}) for number in range(THREADS)]) == [200] * THREADS, "a control"
    assert len({event["title"] for event in scene.events(series)}) == 1, "each change is whole"


def test_an_edit_beside_a_change_of_the_series_is_not_lost(scene: Scene) -> None:
    for _ in range(5):
        series = scene.repeat(scene.event(), "FREQ=WEEKLY;COUNT=4")
        second = scene.events(series)[1]
        at_once(
            partial(scene.host.patch, f"/events/{second['id']}", json={"location": "Attic"}),
            partial(scene.patch, series, title="New", location="Cellar"),
        )
        scene.patch(series, title="Newer")
        kept = scene.host.get(f"/events/{second['id']}").json()
        assert (kept["location"], kept["title"]) in (("Attic", "New"), ("Attic", "Meeting"))


def test_skips_beside_the_job_leave_each_date_at_most_once(eventorg: Server, scene: Scene) -> None:
    series = scene.repeat(scene.event(), "FREQ=DAILY")
    days = [event["start_time"][:10] for event in scene.events(series)]
    scene.later(days=10)  # the job has ten more to make

    def skip(day: str) -> Callable[[], Shown]:
        return lambda: scene.skip(series, day)

    def back(day: str) -> Callable[[], Shown]:
        return lambda: scene.take_back(series, day)

    at_once(*[skip(day) for day in days[20:24]], lambda: scene.patch(series, title="New"), skip(days[40]))
    at_once(*[back(day) for day in days[20:24]], *[skip(day) for day in days[30:34]])
    eventorg.wait_for(lambda: eventorg.client.get("/health").json()["plugins"]["series"] == "ok")
    starts = scene.starts(series)
    assert max(Counter(starts).values()) == 1
    assert set(days[20:24]) <= {start[:10] for start in starts}
    assert {start[:10] for start in starts}.isdisjoint([*days[30:34], days[40]])
    assert strays(eventorg, scene) == []


def test_an_end_beside_the_job_leaves_nothing_behind(eventorg: Server, scene: Scene) -> None:
    for _ in range(4):
        series = scene.repeat(scene.event(), "FREQ=DAILY")
        scene.clock.advance(days=3)
        scene.host.token = eventorg.log_in(scene.host.account["email"])
        at_once(
            partial(scene.host.delete, f"/series/{series['id']}?cancel=true"),
            partial(scene.skip, series, "2027-02-10"),
        )
        assert {event["status"] for event in scene.events(series) if event["start_time"] > "2027-01-20"} == {
            "cancelled"
        }
        assert scene.get(series)["ended_at"]


def test_the_key_refuses_a_date_that_is_made_twice(
    eventorg: Server, scene: Scene, making: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A control: if two had begun at the same place, the second would fail as a whole."""
    series = scene.repeat(scene.event(), "FREQ=DAILY")
    before = scene.starts(series)
    tried: list[str] = []
    make = making.make

    def noting(*arguments: Any) -> Any:
        tried.append(arguments[-2])
        return make(*arguments)

    monkeypatch.setattr(making, "is_known", lambda *_: False)
    monkeypatch.setattr(making, "make", noting)
    with closing(sqlite3.connect(eventorg.settings.database_path, timeout=30)) as file:
        file.execute("UPDATE series_series SET reached = '2027-01-05', number = 1, due_at = '2027-01-01T12:00:00Z'")
        file.execute("UPDATE series_occurrences SET event_id = NULL, is_skipped = 1 WHERE date = '2027-01-20'")
        file.commit()
    scene.clock.advance(seconds=10)
    eventorg.wait_for(lambda: tried)
    scene.event()  # after what the job has written
    assert [start for start in before if start[:10] != "2027-01-20"] == scene.starts(series)
