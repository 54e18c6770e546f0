"""Tests dates that are left out, and taken back."""

import pytest

from eventorg.testing import Server, check_problem

from .scene import Scene, with_all_plugins


def test_a_skipped_event_is_deleted_if_nobody_ever_registered(scene: Scene) -> None:
    series = scene.repeat(scene.event())
    second = scene.events(series)[1]
    changed = scene.skip(series, "2027-01-12")
    assert changed["next_start_times"][:2] == ["2027-01-05T18:00:00Z", "2027-01-19T18:00:00Z"]
    check_problem(scene.host.get(f"/events/{second['id']}"), 404, "event_not_found")
    assert len(scene.events(series)) == 12
    again = scene.host.put(f"/series/{series['id']}/skips/2027-01-12")
    assert (again.status_code, again.json()) == (200, changed)
    scene.later(days=7)
    scene.server.wait_for(lambda: len(scene.events(series)) == 13)
    assert "2027-01-12T18:00:00Z" not in scene.starts(series)


def test_a_skipped_event_is_cancelled_if_somebody_registered_or_left(eventorg: Server, scene: Scene) -> None:
    series = scene.repeat(scene.event())
    _, second, third, *_ = scene.events(series)
    anna, boris = eventorg.sign_up(), eventorg.sign_up()
    scene.register(second, anna)
    scene.register(third, boris)
    assert boris.delete(f"/events/{third['id']}/register").status_code == 200
    for day in ("2027-01-12", "2027-01-19"):
        scene.skip(series, day)
    assert [event["status"] for event in scene.events(series)][:4] == ["published", *["cancelled"] * 2, "published"]
    assert scene.get(series)["next_start_times"][1] == "2027-01-26T18:00:00Z"
    scene.patch(series, title="New")
    assert [event["title"] for event in scene.events(series)][:4] == ["New", "Meeting", "Meeting", "New"]


def test_taking_back_brings_the_event_back(eventorg: Server, scene: Scene) -> None:
    series = scene.repeat(scene.event())
    _, second, third, *_ = scene.events(series)
    anna = eventorg.sign_up()
    scene.register(second, anna)
    for day in ("2027-01-12", "2027-01-19", "2027-06-01"):
        scene.skip(series, day)
    for day in ("2027-01-12", "2027-01-19", "2027-06-01"):
        assert scene.take_back(series, day) == scene.take_back(series, day)
    events = scene.events(series)
    assert (events[1]["id"], events[1]["status"], events[1]["registered_count"]) == (second["id"], "published", 1)
    assert (events[2]["start_time"], events[2]["id"] == third["id"]) == ("2027-01-19T18:00:00Z", False)
    assert scene.get(series) == series
    scene.patch(series, title="New")
    assert {event["title"] for event in scene.events(series)} == {"New"}


def test_a_date_is_skipped_before_its_event_exists(scene: Scene) -> None:
    series = scene.repeat(scene.event())
    scene.skip(series, "2027-04-06")
    scene.later(days=20)
    starts = [event["start_time"] for event in scene.once_there(series, 15)]
    assert starts[-2:] == ["2027-04-13T18:00:00Z", "2027-04-20T18:00:00Z"]
    assert scene.get(scene.repeat(scene.event(), carry_over=True))["next_start_times"]


def test_skips_before_and_after_they_exist_are_not_among_the_next(scene: Scene) -> None:
    series = scene.repeat(scene.event(), carry_over=True)
    scene.skip(series, "2027-01-19")
    assert [start[5:10] for start in scene.get(series)["next_start_times"]] == [
        "01-05",
        "01-12",
        "01-26",
        "02-02",
        "02-09",
    ]


@pytest.mark.parametrize("day", ["2027-01-13", "2026-12-29", "2027-1-12", "20270112", "x", "2027-02-30", "9999-12-31"])
def test_a_date_without_an_occurrence_is_not_found(scene: Scene, day: str) -> None:
    series = scene.repeat(scene.event())
    for method in (scene.host.put, scene.host.delete):
        check_problem(method(f"/series/{series['id']}/skips/{day}"), 404, "occurrence_not_found")


def test_dates_are_those_of_the_series_zone(scene: Scene) -> None:
    """It is Tuesday in Auckland when it is Monday in UTC."""
    event = scene.event("2027-01-04T20:00:00Z", "2027-01-04T22:00:00Z", timezone="Pacific/Auckland")
    series = scene.repeat(event, "FREQ=WEEKLY;BYDAY=TU")
    check_problem(scene.host.put(f"/series/{series['id']}/skips/2027-01-11"), 404, "occurrence_not_found")
    assert scene.skip(series, "2027-01-12")["next_start_times"][1] == "2027-01-18T20:00:00Z"


def test_dates_follow_the_series_when_it_moves(scene: Scene) -> None:
    series = scene.repeat(scene.event())
    scene.skip(series, "2027-01-19")
    scene.patch(series, start_time="2027-01-06T18:00:00Z", end_time="2027-01-06T20:00:00Z")
    check_problem(scene.host.put(f"/series/{series['id']}/skips/2027-01-12"), 404, "occurrence_not_found")
    scene.skip(series, "2027-01-13")
    scene.skip(series, "2027-06-02")
    assert "2027-01-13T18:00:00Z" not in scene.starts(series)
    scene.take_back(series, "2027-01-20")
    assert scene.starts(series)[:3] == ["2027-01-06T18:00:00Z", "2027-01-20T18:00:00Z", "2027-01-27T18:00:00Z"]


def test_an_event_that_was_moved_by_itself_is_found_on_both_dates(scene: Scene) -> None:
    series = scene.repeat(scene.event())
    second, third = scene.events(series)[1:3]
    for event, day in ((second, "14"), (third, "21")):
        moved = {"start_time": f"2027-01-{day}T10:00:00Z", "end_time": f"2027-01-{day}T12:00:00Z"}
        scene.host.patch(f"/events/{event['id']}", json=moved).raise_for_status()
    scene.skip(series, "2027-01-12")
    scene.skip(series, "2027-01-21")
    assert scene.starts(series)[:2] == ["2027-01-05T18:00:00Z", "2027-01-26T18:00:00Z"]


def test_what_is_over_stays(scene: Scene) -> None:
    series = scene.repeat(scene.event())
    scene.later(days=4, hours=8)
    check_problem(scene.host.put(f"/series/{series['id']}/skips/2027-01-05"), 409, "event_over")


def test_the_first_event_can_be_skipped(scene: Scene) -> None:
    for carries in (False, True):
        series = scene.repeat(scene.event(), carry_over=carries)
        changed = scene.skip(series, "2027-01-05")
        assert changed["event_id"] == scene.events(series)[0]["id"] != series["event_id"]
        assert scene.starts(series)[0] == "2027-01-12T18:00:00Z"
        assert scene.take_back(series, "2027-01-05")["next_start_times"] == series["next_start_times"]
        assert scene.starts(series)[0] == "2027-01-05T18:00:00Z"
    far = scene.repeat(scene.host.create_event())
    scene.skip(far, "2100-01-01")
    assert scene.starts(far) == ["2100-01-08T10:00:00Z"]


def test_the_only_event_is_cancelled_and_not_deleted(scene: Scene) -> None:
    """A series has at least one event, by which people find it."""
    series = scene.repeat(scene.event(), "FREQ=WEEKLY;COUNT=1")
    assert scene.skip(series, "2027-01-05")["next_start_times"] == []
    assert [event["status"] for event in scene.events(series)] == ["cancelled"]
    scene.take_back(series, "2027-01-05")
    assert [event["status"] for event in scene.events(series)] == ["published"]


@with_all_plugins
def test_the_next_event_has_the_questions_of_a_first_one_that_goes(eventorg: Server, scene: Scene) -> None:
    """Plugins copy what they have after the event is copied."""
    event = scene.event()
    question = {"label": "Voice?", "kind": "text", "options": None, "required": True}
    scene.host.put(f"/events/{event['id']}/questions", json=[question]).raise_for_status()
    scene.host.put(f"/events/{event['id']}/reminders", json=[{"before": "PT2H"}]).raise_for_status()
    series = scene.repeat(event, carry_over=True)
    scene.skip(series, "2027-01-05")
    (second,) = scene.events(series)
    (asked,) = scene.host.get(f"/events/{second['id']}/questions").json()["questions"]
    assert asked["label"] == "Voice?"
    assert scene.host.get(f"/events/{second['id']}/reminders").json() == [{"before": "PT2H"}]


def test_a_series_does_not_end_while_its_last_date_can_be_taken_back(scene: Scene) -> None:
    series = scene.repeat(scene.event(), "FREQ=WEEKLY;COUNT=2")
    scene.skip(series, "2027-01-12")
    scene.later(days=5)
    scene.server.wait_for(lambda: scene.server.client.get("/health").json()["plugins"]["series"] == "ok")
    assert scene.take_back(series, "2027-01-12")["next_start_times"] == ["2027-01-12T18:00:00Z"]
    assert len(scene.events(series)) == 2
    scene.skip(series, "2027-01-12")
    scene.later(days=9)
    scene.server.wait_for(lambda: scene.get(series)["ended_at"])


def test_an_ended_series_makes_no_event_of_a_skipped_date(scene: Scene) -> None:
    series = scene.repeat(scene.event())
    scene.skip(series, "2027-01-12")
    assert scene.host.delete(f"/series/{series['id']}").status_code == 200
    path = f"/series/{series['id']}/skips"
    check_problem(scene.host.delete(f"{path}/2027-01-12"), 404, "occurrence_not_found")
    assert scene.host.put(f"{path}/2027-01-19").status_code == 200
    assert scene.starts(series)[:2] == ["2027-01-05T18:00:00Z", "2027-01-26T18:00:00Z"]
