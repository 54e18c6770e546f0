"""Tests which occurrences exist, what they are like, and when they are made."""

from pathlib import Path
from typing import Any

from msgspec import structs

from eventorg.testing import Server, check_problem, running

from .scene import BERLIN, Scene, with_all_plugins


def test_events_exist_ninety_days_ahead_when_post_answers(scene: Scene) -> None:
    event = scene.event()
    answer = scene.host.post("/series", json={"event_id": event["id"], "rrule": "FREQ=WEEKLY"})
    series = answer.json()
    assert series == {
        "id": series["id"],
        "event_id": event["id"],
        "rrule": "FREQ=WEEKLY",
        "timezone": "UTC",
        "carry_over": False,
        "next_start_times": [f"2027-{day}T18:00:00Z" for day in ("01-05", "01-12", "01-19", "01-26", "02-02")],
        "ended_at": None,
    }
    assert (answer.status_code, answer.headers["Location"]) == (201, f"/series/{series['id']}")
    assert scene.get(series) == series
    assert scene.host.get(f"/events/{event['code']}/series").json() == series
    starts = scene.starts(series)
    assert len(starts) == 13
    assert (starts[0], starts[-1]) == ("2027-01-05T18:00:00Z", "2027-03-30T18:00:00Z")
    assert scene.events(series)[0]["id"] == event["id"]


def test_more_events_are_made_as_time_goes_on(scene: Scene) -> None:
    series = scene.repeat(scene.event())
    scene.later(days=7)
    scene.server.wait_for(lambda: len(scene.starts(series)) == 14)
    scene.later(days=90)
    starts = [event["start_time"] for event in scene.once_there(series, 27)]
    assert starts[-1] == "2027-07-06T18:00:00Z"
    assert scene.get(series)["next_start_times"][0] == "2027-04-13T18:00:00Z"


def test_at_most_fifty_events_exist(scene: Scene) -> None:
    series = scene.repeat(scene.event(), "FREQ=DAILY")
    assert len(scene.starts(series)) == 50
    scene.later(days=5)
    starts = [event["start_time"] for event in scene.once_there(series, 51)]
    assert (len(starts), starts[-1]) == (51, "2027-02-24T18:00:00Z")


def test_a_first_event_in_the_far_future_is_alone(scene: Scene) -> None:
    series = scene.repeat(scene.host.create_event())
    assert scene.starts(series) == ["2100-01-01T10:00:00Z"]
    assert series["next_start_times"][:2] == ["2100-01-01T10:00:00Z", "2100-01-08T10:00:00Z"]


def test_dates_that_have_passed_are_not_made(scene: Scene) -> None:
    event = scene.event("2026-12-01T18:00:00Z", "2026-12-01T20:00:00Z")
    series = scene.repeat(event, "FREQ=WEEKLY;COUNT=7")
    assert scene.starts(series) == ["2026-12-01T18:00:00Z", "2027-01-05T18:00:00Z", "2027-01-12T18:00:00Z"]


@with_all_plugins
def test_an_occurrence_is_what_a_copy_would_be(eventorg: Server, scene: Scene) -> None:
    helper = eventorg.sign_up()
    fields: dict[str, Any] = {
        "title": "Choir",
        "description": "Bring water.",
        "location": "Attic",
        "capacity": 12,
        "waitlist": False,
        "visibility": "unlisted",
        "max_guests": 3,
        "approval_required": True,
        "participants_visibility": "hosts",
        "registration_opens_at": "2027-01-04T06:00:00Z",
        "registration_closes_at": "2027-01-05T16:00:00Z",
        "timezone": BERLIN,
        "metadata": {"room": "attic"},
    }
    event = scene.event(**fields)
    path = f"/events/{event['id']}"
    assert scene.host.post(f"{path}/hosts", json={"user_id": helper.id}).status_code == 201
    question = {"label": "Voice?", "kind": "text", "options": None, "required": True}
    scene.host.put(f"{path}/questions", json=[question]).raise_for_status()
    scene.host.put(f"{path}/reminders", json=[{"before": "PT2H"}]).raise_for_status()
    series = scene.repeat(event, "FREQ=WEEKLY;COUNT=2", by=helper)
    _, second = scene.events(series)
    copy = scene.host.post(f"{path}/copy", json={"start_time": "2027-01-12T18:00:00Z"}).json()
    own = ("id", "code", "created_at", "updated_at", "version")
    assert {name: value for name, value in second.items() if name not in own} == {
        name: value for name, value in copy.items() if name not in own
    }
    assert second["organizer_id"] == scene.host.id
    assert (second["registration_opens_at"], second["metadata"]) == ("2027-01-11T06:00:00Z", {"room": "attic"})
    hosts = scene.host.get(f"/events/{second['id']}/hosts").json()["hosts"]
    assert [host["user_id"] for host in hosts] == [scene.host.id, helper.id]
    path = f"/events/{second['id']}"
    (asked,) = scene.host.get(f"{path}/questions").json()["questions"]
    assert {**asked, "id": 0} == {**question, "id": 0}
    eventorg.wait_for(lambda: scene.host.get(f"{path}/reminders").json() == [{"before": "PT2H"}])


def test_a_draft_is_the_first_of_published_events(scene: Scene) -> None:
    """As a copy of a draft is published."""
    series = scene.repeat(scene.event(status="draft"), "FREQ=WEEKLY;COUNT=2")
    assert [event["status"] for event in scene.events(series)] == ["draft", "published"]


def test_the_clock_on_the_wall_stays_when_the_clocks_change(scene: Scene) -> None:
    event = scene.event("2027-03-14T18:00:00Z", "2027-03-14T20:30:00Z", timezone=BERLIN)
    series = scene.repeat(event, "FREQ=WEEKLY;COUNT=3")
    assert scene.starts(series) == ["2027-03-14T18:00:00Z", "2027-03-21T18:00:00Z", "2027-03-28T17:00:00Z"]
    assert [each["end_time"][11:16] for each in scene.events(series)] == ["20:30", "20:30", "19:30"]


def test_a_time_that_the_clocks_leave_out_is_later_by_the_gap(scene: Scene) -> None:
    """In Berlin, 02:30 of 2027-03-28 does not exist."""
    event = scene.event("2027-03-27T01:30:00Z", "2027-03-27T02:00:00Z", timezone=BERLIN)
    series = scene.repeat(event, "FREQ=DAILY;COUNT=3")
    times = [(each["start_time"], each["end_time"]) for each in scene.events(series)]
    assert times == [
        ("2027-03-27T01:30:00Z", "2027-03-27T02:00:00Z"),
        ("2027-03-28T01:30:00Z", "2027-03-28T02:00:00Z"),  # 03:30 to 04:00, as long as on other days
        ("2027-03-29T00:30:00Z", "2027-03-29T01:00:00Z"),
    ]


def test_a_time_that_comes_twice_is_the_first(scene: Scene) -> None:
    """In Berlin, 02:30 of 2027-10-31 comes twice."""
    event = scene.event("2027-10-30T00:30:00Z", "2027-10-30T02:00:00Z", timezone=BERLIN)
    series = scene.repeat(event, "FREQ=DAILY;COUNT=3")
    assert series["next_start_times"] == ["2027-10-30T00:30:00Z", "2027-10-31T00:30:00Z", "2027-11-01T01:30:00Z"]


def test_months_without_the_day_have_no_event(scene: Scene) -> None:
    event = scene.event("2027-01-31T18:00:00Z", "2027-01-31T20:00:00Z")
    series = scene.repeat(event, "FREQ=MONTHLY")
    assert scene.starts(series) == ["2027-01-31T18:00:00Z", "2027-03-31T18:00:00Z"]
    last = scene.repeat(scene.event("2027-01-31T18:00:00Z", "2027-01-31T20:00:00Z"), "FREQ=MONTHLY;BYMONTHDAY=-1")
    assert [start[:10] for start in scene.starts(last)] == ["2027-01-31", "2027-02-28", "2027-03-31"]


def test_a_series_ends_by_itself_after_its_last_event(scene: Scene) -> None:
    series = scene.repeat(scene.event(), "FREQ=WEEKLY;COUNT=2")
    scene.later(days=8)
    assert scene.get(series)["next_start_times"] == ["2027-01-12T18:00:00Z"]
    scene.later(days=7)
    scene.server.wait_for(lambda: scene.get(series)["ended_at"])
    assert scene.get(series)["next_start_times"] == []
    assert len(scene.starts(series)) == 2


@with_all_plugins
def test_each_event_has_its_own_uid_in_calendars(scene: Scene) -> None:
    series = scene.repeat(scene.event(), "FREQ=WEEKLY;COUNT=3")
    files = [scene.server.client.get(f"/events/{event['id']}/event.ics").text for event in scene.events(series)]
    uids = {line for file in files for line in file.split("\r\n") if line.startswith("UID:")}
    assert len(uids) == 3
    assert not any("RRULE" in file for file in files)


def test_an_event_is_in_one_series(scene: Scene) -> None:
    event = scene.event()
    series = scene.repeat(event)
    for each in (event, scene.events(series)[3]):
        body = {"event_id": each["id"], "rrule": "FREQ=DAILY"}
        check_problem(scene.host.post("/series", json=body), 409, "already_in_series")
    check_problem(scene.host.get(f"/events/{scene.event()['id']}/series"), 404, "series_not_found")


def test_an_organizer_has_at_most_fifty_running_series(scene: Scene) -> None:
    made = [scene.repeat(scene.host.create_event()) for _ in range(50)]
    body = {"event_id": scene.host.create_event()["id"], "rrule": "FREQ=DAILY"}
    check_problem(scene.host.post("/series", json=body), 409, "too_many_series")
    assert scene.host.delete(f"/series/{made[0]['id']}").status_code == 200
    assert scene.host.post("/series", json=body).status_code == 201


def test_a_series_sent_twice_is_created_once(scene: Scene) -> None:
    event = scene.event()
    body, key = {"event_id": event["id"], "rrule": "FREQ=WEEKLY"}, {"Idempotency-Key": "1"}
    answers = [scene.host.post("/series", json=body, headers=key) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert answers[0].headers["ETag"] == answers[1].headers["ETag"]
    assert answers[1].headers["Idempotency-Replayed"] == "true"
    assert len(scene.events(answers[0].json())) == 13


def test_the_events_of_a_series_come_in_pages(scene: Scene) -> None:
    series = scene.repeat(scene.event())
    found, query = [], {"limit": "5"}
    while True:
        page = scene.host.get(f"/series/{series['id']}/events", params=query).json()
        assert page["as_of"] > 0
        found += page["events"]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert found == scene.events(series)
    check_problem(scene.host.get(f"/series/{series['id']}/events?cursor=x"), 422)


def test_what_the_organizer_has_no_room_for_is_made_later(eventorg: Server, tmp_path: Path) -> None:
    settings = structs.replace(eventorg.settings, database=str(tmp_path / "small.db"), events_per_user=5)
    with running(settings) as server:
        scene = Scene(server)
        series = scene.repeat(scene.event())
        assert len(scene.starts(series)) == 5
        assert len(series["next_start_times"]) == 5
        scene.later(days=5)
        starts = [event["start_time"] for event in scene.once_there(series, 6)]
        assert starts[-1] == "2027-02-09T18:00:00Z"


def test_a_co_host_who_never_acted_does_not_stop_a_long_series(eventorg: Server, scene: Scene) -> None:
    """Nobody becomes co-host of more than twenty events without having acted as one."""
    event, helper = scene.event(), eventorg.sign_up()
    assert scene.host.post(f"/events/{event['id']}/hosts", json={"user_id": helper.id}).status_code == 201
    series = scene.repeat(event, "FREQ=DAILY")
    assert len(scene.events(series)) == 50
    roles = [each["role"] for each in scene.events(series, by=helper)]
    assert roles == [*["host"] * 20, *[None] * 30]
    busy, other = scene.event(), eventorg.sign_up()
    assert scene.host.post(f"/events/{busy['id']}/hosts", json={"user_id": other.id}).status_code == 201
    assert other.patch(f"/events/{busy['id']}", json={"title": "Busy"}).status_code == 200
    hosted = scene.repeat(busy, "FREQ=DAILY")
    assert {each["role"] for each in scene.events(hosted, by=other)} == {"host"}
