"""Tests changes of a whole series, of this event and those that follow, and of one event alone."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from eventorg.testing import Server, check_problem

from .scene import BERLIN, Scene, Shown


def titles(scene: Scene, series: Shown) -> list[str]:
    return [event["title"] for event in scene.events(series)]


def test_all_events_that_have_not_begun_change_and_those_to_come_too(scene: Scene) -> None:
    series = scene.repeat(scene.event(title="Old"))
    scene.later(days=4, hours=7)  # the first has begun
    changed = scene.patch(series, title="New", capacity=9, metadata={"room": "1"})
    assert changed == scene.get(series)
    events = scene.events(series)
    assert [event["title"] for event in events] == ["Old", *["New"] * 12]
    assert {event["capacity"] for event in events[1:]} == {9}
    scene.later(days=7)
    events = scene.once_there(series, 14)
    assert (events[-1]["title"], events[-1]["capacity"], events[-1]["metadata"]) == ("New", 9, {"room": "1"})


@pytest.mark.parametrize(
    "fields",
    [
        {"description": None, "location": None},
        {"visibility": "unlisted", "participants_visibility": "hosts"},
        {"waitlist": False, "max_guests": 4, "approval_required": True},
        {"status": "draft"},
        {"status": "cancelled"},
    ],
)
def test_every_field_of_an_event_can_change(scene: Scene, fields: dict[str, Any]) -> None:
    series = scene.repeat(scene.event(description="Tea", location="Attic"), "FREQ=WEEKLY;COUNT=3")
    scene.patch(series, **fields)
    for event in scene.events(series):
        assert {name: event[name] for name in fields} == fields


def test_an_event_edited_by_itself_stays(scene: Scene) -> None:
    series = scene.repeat(scene.event(title="Old"), "FREQ=WEEKLY;COUNT=5")
    _, second, third, fourth, _ = scene.events(series)
    scene.host.patch(f"/events/{second['id']}", json={"title": "Special"}).raise_for_status()
    scene.host.patch(f"/events/{third['id']}", json={"metadata": {"card": "7"}}).raise_for_status()
    scene.host.post(f"/events/{fourth['id']}/cancel").raise_for_status()
    scene.patch(series, title="New", status="published")
    assert titles(scene, series) == ["New", "Special", "New", "Old", "New"]
    assert [event["status"] for event in scene.events(series)][3] == "cancelled"
    scene.patch(series, title="Newer")
    assert titles(scene, series) == ["Newer", "Special", "Newer", "Old", "Newer"]


def test_an_edit_counts_for_good(eventorg: Server, scene: Scene) -> None:
    """Also when the change log has forgotten it."""
    series = scene.repeat(scene.event(title="Old"), "FREQ=WEEKLY;COUNT=3")
    second = scene.events(series)[1]
    scene.host.patch(f"/events/{second['id']}", json={"capacity": 3}).raise_for_status()
    with closing(sqlite3.connect(eventorg.settings.database_path, timeout=30)) as file:
        find = "SELECT is_edited FROM series_occurrences WHERE event_id = ?"
        eventorg.wait_for(lambda: file.execute(find, (second["id"],)).fetchone() == (1,))
        file.execute("UPDATE series_occurrences SET seen = 1000000000")
        file.commit()
    scene.patch(series, title="New")
    assert titles(scene, series) == ["New", "Old", "New"]


def test_this_and_following_change_and_stay_one_series(scene: Scene) -> None:
    series = scene.repeat(scene.event(title="Old"))
    events = scene.events(series)
    scene.patch(series, since=events[5], title="New")
    assert titles(scene, series) == [*["Old"] * 5, *["New"] * 8]
    assert {scene.host.get(f"/events/{event['id']}/series").json()["id"] for event in events} == {series["id"]}
    scene.later(days=7)
    scene.server.wait_for(lambda: len(scene.events(series)) == 14)
    assert titles(scene, series)[-1] == "New"


def test_from_names_an_event_of_the_series(scene: Scene) -> None:
    series = scene.repeat(scene.event())
    other = scene.event()
    for since in (other["id"], "x", "0b9fdc1e-7f5c-4a55-9f0e-3c1d5d3a6f11"):
        answer = scene.host.patch(f"/series/{series['id']}?from={since}", json={"title": "New"})
        check_problem(answer, 404, "occurrence_not_found")
    second = scene.events(series)[1]
    assert scene.host.patch(f"/series/{series['id']}?from={second['code']}", json={"title": "New"}).status_code == 200
    assert titles(scene, series)[:3] == ["Meeting", "New", "New"]


def test_times_are_those_of_the_next_event_and_the_others_move_as_far(scene: Scene) -> None:
    """To Wednesday, one hour later, half an hour longer. In Berlin, the clocks change on 2027-03-28."""
    event = scene.event("2027-03-16T18:00:00Z", "2027-03-16T20:00:00Z", timezone=BERLIN)
    series = scene.repeat(event, "FREQ=WEEKLY;COUNT=6")
    changed = scene.patch(series, start_time="2027-03-17T20:00:00+01:00", end_time="2027-03-17T22:30:00+01:00")
    times = [(each["start_time"], each["end_time"]) for each in scene.events(series)]
    assert times == [
        ("2027-03-17T19:00:00Z", "2027-03-17T21:30:00Z"),
        ("2027-03-24T19:00:00Z", "2027-03-24T21:30:00Z"),
        ("2027-03-31T18:00:00Z", "2027-03-31T20:30:00Z"),
    ]
    assert changed["next_start_times"][2:] == [f"2027-{day}T18:00:00Z" for day in ("03-31", "04-07", "04-14")]
    scene.later(days=14)
    scene.server.wait_for(lambda: len(scene.events(series)) == 5)
    assert scene.starts(series)[-1] == "2027-04-14T18:00:00Z"


def test_times_after_from_are_those_of_that_event(scene: Scene) -> None:
    series = scene.repeat(scene.event(), "FREQ=WEEKLY;COUNT=5")
    third = scene.events(series)[2]
    scene.patch(series, since=third, start_time="2027-01-18T17:00:00Z")
    assert scene.starts(series) == [
        "2027-01-05T18:00:00Z",
        "2027-01-12T18:00:00Z",
        "2027-01-18T17:00:00Z",
        "2027-01-25T17:00:00Z",
        "2027-02-01T17:00:00Z",
    ]
    scene.patch(series, end_time="2027-01-05T21:00:00Z")  # the starts stay as they are
    assert [event["end_time"][5:16] for event in scene.events(series)] == [
        "01-05T21:00",
        "01-12T21:00",
        "01-19T21:00",
        "01-26T21:00",
        "02-02T21:00",
    ]
    assert scene.starts(series)[3] == "2027-01-25T17:00:00Z"


def test_an_edited_event_keeps_its_time(scene: Scene) -> None:
    series = scene.repeat(scene.event(), "FREQ=WEEKLY;COUNT=3")
    first = scene.events(series)[0]
    moved = {"start_time": "2027-01-06T10:00:00Z", "end_time": "2027-01-06T12:00:00Z"}
    scene.host.patch(f"/events/{first['id']}", json=moved).raise_for_status()
    assert scene.get(series)["next_start_times"][0] == "2027-01-06T10:00:00Z"
    scene.patch(series, start_time="2027-01-12T19:00:00Z")  # the first that changes is the second
    assert scene.starts(series) == ["2027-01-06T10:00:00Z", "2027-01-12T19:00:00Z", "2027-01-19T19:00:00Z"]


def test_the_registration_window_moves_with_each_event(scene: Scene) -> None:
    series = scene.repeat(scene.event(), "FREQ=WEEKLY;COUNT=3")
    scene.patch(series, registration_opens_at="2027-01-04T08:00:00Z", registration_closes_at="2027-01-05T12:00:00Z")
    assert [event["registration_opens_at"] for event in scene.events(series)] == [
        f"2027-01-{day}T08:00:00Z" for day in ("04", "11", "18")
    ]
    scene.patch(series, registration_opens_at=None)
    assert {event["registration_opens_at"] for event in scene.events(series)} == {None}
    assert scene.events(series)[2]["registration_closes_at"] == "2027-01-19T12:00:00Z"


def test_another_time_zone_keeps_the_next_start_and_one_clock(scene: Scene) -> None:
    event = scene.event("2027-03-16T18:00:00Z", "2027-03-16T20:00:00Z")
    series = scene.repeat(event, "FREQ=WEEKLY;COUNT=3")
    changed = scene.patch(series, timezone=BERLIN)
    assert changed["timezone"] == BERLIN
    assert scene.starts(series) == ["2027-03-16T18:00:00Z", "2027-03-23T18:00:00Z", "2027-03-30T17:00:00Z"]
    assert {event["timezone"] for event in scene.events(series)} == {BERLIN}


def test_a_change_that_one_event_refuses_changes_nothing(eventorg: Server, scene: Scene) -> None:
    series = scene.repeat(scene.event(), "FREQ=WEEKLY;COUNT=3")
    scene.register(scene.events(series)[2], eventorg.sign_up())
    path = f"/series/{series['id']}"
    tag = scene.host.get(path).headers["ETag"]
    check_problem(scene.host.patch(path, json={"status": "draft", "title": "New"}), 409, "event_has_participants")
    assert titles(scene, series) == ["Meeting"] * 3
    (error,) = check_problem(scene.host.patch(path, json={"end_time": "2027-01-05T17:00:00Z"}), 422)["errors"]
    assert (error["field"], error["code"]) == ("end_time", "end_before_start")
    for body in ({"rrule": "FREQ=DAILY"}, {"carry_over": True}, {"title": ""}, {"capacity": "1"}):
        check_problem(scene.host.patch(path, json=body), 422)
    assert scene.host.get(path).headers["ETag"] == tag


def test_if_match_compares_edits(scene: Scene) -> None:
    series = scene.repeat(scene.event())
    path = f"/series/{series['id']}"
    first = scene.host.get(path)
    assert scene.host.get(path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    match = {"If-Match": first.headers["ETag"]}
    nothing = scene.host.patch(path, json={}, headers=match)
    assert (nothing.json(), nothing.headers["ETag"]) == (series, first.headers["ETag"])
    changed = scene.host.patch(path, json={"title": "New"}, headers=match)
    assert changed.status_code == 200
    assert changed.headers["ETag"] != first.headers["ETag"]
    for method, url in ((scene.host.put, f"{path}/skips/2027-01-12"), (scene.host.delete, f"{path}/skips/2027-01-12")):
        check_problem(method(url, headers=match), 412, "version_mismatch")
    check_problem(scene.host.patch(path, json={"title": "Newer"}, headers=match), 412, "version_mismatch")
    check_problem(scene.host.delete(path, headers=match), 412, "version_mismatch")
    same = scene.host.patch(path, json={"title": "New"}, headers={"If-Match": changed.headers["ETag"]})
    assert same.headers["ETag"] == changed.headers["ETag"]
    assert scene.host.patch(path, json={"title": "X"}, headers={"If-None-Match": "*"}).status_code == 412


def test_a_change_sent_twice_is_made_once(scene: Scene) -> None:
    series = scene.repeat(scene.event())
    path, key = f"/series/{series['id']}", {"Idempotency-Key": "1"}
    merge = key | {"Content-Type": "application/merge-patch+json"}
    answers = [scene.host.patch(path, content='{"title": "New"}', headers=merge) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[1].headers["Idempotency-Replayed"] == "true"
    check_problem(scene.host.patch(path, json={"title": "Newer"}, headers=key), 422, "idempotency_key_reused")
    assert titles(scene, series)[0] == "New"


def test_a_detached_event_is_in_no_series(eventorg: Server, scene: Scene) -> None:
    series = scene.repeat(scene.event(title="Old"), "FREQ=WEEKLY;COUNT=4")
    second = scene.events(series)[1]
    key = {"Idempotency-Key": "1"}
    answer = scene.host.post(f"/events/{second['id']}/detach", headers=key)
    assert (answer.status_code, answer.json()) == (200, second)
    assert answer.headers["ETag"] == scene.host.get(f"/events/{second['id']}").headers["ETag"]
    assert scene.host.post(f"/events/{second['id']}/detach", headers=key).headers["Idempotency-Replayed"] == "true"
    check_problem(scene.host.post(f"/events/{second['id']}/detach"), 404, "series_not_found")
    check_problem(scene.host.get(f"/events/{second['id']}/series"), 404, "series_not_found")
    assert "2027-01-12T18:00:00Z" not in scene.starts(series)
    assert "2027-01-12T18:00:00Z" not in scene.get(series)["next_start_times"]
    check_problem(scene.host.put(f"/series/{series['id']}/skips/2027-01-12"), 404, "occurrence_not_found")
    scene.patch(series, title="New")
    assert scene.host.get(f"/events/{second['id']}").json()["title"] == "Old"
    scene.later(days=60)
    eventorg.wait_for(lambda: scene.get(series)["ended_at"])
    assert len(scene.events(series)) == 3
    assert scene.repeat(second)["event_id"] == second["id"]


def test_the_first_event_can_be_detached(scene: Scene) -> None:
    event = scene.event()
    series = scene.repeat(event)
    second = scene.events(series)[1]
    assert scene.host.post(f"/events/{event['id']}/detach").status_code == 200
    assert scene.get(series)["event_id"] == second["id"]
    alone = scene.repeat(scene.event(), carry_over=True)
    assert scene.host.post(f"/events/{alone['event_id']}/detach").status_code == 200
    assert scene.starts(alone) == ["2027-01-12T18:00:00Z"]
    only = scene.repeat(scene.event(), "FREQ=DAILY;COUNT=1")
    assert scene.host.post(f"/events/{only['event_id']}/detach").status_code == 200
    check_problem(scene.host.get(f"/series/{only['id']}"), 404, "series_not_found")


def test_an_ended_series_makes_no_more_events(eventorg: Server, scene: Scene) -> None:
    series = scene.repeat(scene.event())
    path = f"/series/{series['id']}"
    ended = scene.host.delete(path)
    assert (ended.status_code, ended.json()) == (
        200,
        series | {"ended_at": "2027-01-01T12:00:00Z", "next_start_times": []},
    )
    again = scene.host.delete(path)
    assert (again.json(), again.headers["ETag"]) == (ended.json(), ended.headers["ETag"])
    assert {event["status"] for event in scene.events(series)} == {"published"}
    scene.later(days=30)
    eventorg.wait_for(lambda: eventorg.client.get("/health").json()["status"] == "ok")
    assert len(scene.events(series)) == 13
    check_problem(scene.host.put(f"{path}/skips/2027-04-06"), 404, "occurrence_not_found")
    check_problem(scene.host.post("/series", json={"event_id": series["event_id"], "rrule": "FREQ=DAILY"}), 409)


def test_the_end_can_cancel_what_is_to_come(scene: Scene) -> None:
    series = scene.repeat(scene.event(), "FREQ=WEEKLY;COUNT=4")
    third = scene.events(series)[2]
    scene.host.patch(f"/events/{third['id']}", json={"title": "Special"}).raise_for_status()
    scene.later(days=4, hours=7)  # the first has begun
    assert scene.host.delete(f"/series/{series['id']}").status_code == 200
    assert scene.host.delete(f"/series/{series['id']}?cancel=true").status_code == 200
    assert [event["status"] for event in scene.events(series)] == ["published", *["cancelled"] * 3]
    check_problem(scene.host.delete(f"/series/{series['id']}?cancel=1"), 422)
