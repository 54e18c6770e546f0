"""Events: stored fields, changes, and lookup by id and code."""

import re
from typing import Any

import pytest

from eventorg.testing import Server, User, check_problem

TIMES = {"start_time": "2100-01-01T10:00:00Z", "end_time": "2100-01-01T12:00:00Z"}
FULL = {"description": "Чай", "location": "Москва", "capacity": 5}


def test_a_new_event_has_the_defaults(fresh_server: Server) -> None:
    host = fresh_server.sign_up()
    response = host.post("/events", json={"title": "T"} | TIMES)
    assert response.status_code == 201
    event = response.json()
    assert response.headers["location"] == f"/events/{event['id']}"
    assert response.headers["etag"] == host.get(f"/events/{event['id']}").headers["etag"]
    assert event == TIMES | {
        "id": event["id"],
        "code": event["code"],
        "title": "T",
        "description": None,
        "location": None,
        "organizer_id": host.id,
        "created_at": "2027-01-01T12:00:00Z",
        "updated_at": "2027-01-01T12:00:00Z",
        "timezone": "UTC",
        "capacity": None,
        "waitlist": True,
        "status": "published",
        "visibility": "public",
        "max_guests": 0,
        "approval_required": False,
        "registration_opens_at": None,
        "registration_closes_at": None,
        "participants_visibility": "everyone",
        "pending_count": 0,
        "maybe_count": 0,
        "declined_count": 0,
        "role": "organizer",
        "metadata": {},
        "registered_count": 0,
        "waitlisted_count": 0,
        "version": 1,
    }


@pytest.mark.parametrize("missing", ["title", "start_time", "end_time"])
def test_an_event_without_title_or_times_is_422(host: User, missing: str) -> None:
    event = {name: value for name, value in ({"title": "T"} | TIMES).items() if name != missing}
    (error,) = check_problem(host.post("/events", json=event), 422)["errors"]
    assert (error["field"], error["code"]) == (missing, "required")


def test_an_event_is_organized_by_the_caller_only(server: Server, host: User) -> None:
    other = server.sign_up()
    check_problem(host.post("/events", json={"title": "T", "organizer_id": other.id} | TIMES), 403, "forbidden")
    assert host.create_event(organizer_id=host.id)["organizer_id"] == host.id


def test_nobody_is_made_the_organizer_by_a_change(server: Server, host: User) -> None:
    event = host.create_event()
    response = host.patch(f"/events/{event['id']}", json={"organizer_id": server.sign_up().id})
    assert check_problem(response, 422)["errors"][0]["code"] == "unknown_field"


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("title", "x", None),
        ("title", "", "too_short"),
        ("title", " \n ", "too_short"),
        ("title", "ж" * 200, None),
        ("title", " " * 50 + "x" * 200 + " " * 50, None),
        ("title", "e\u0301" * 200, None),
        ("title", "x" * 201, "too_long"),
        ("title", "a\nb", "control_character"),
        ("description", "", None),
        ("description", "😀" * 4000, None),
        ("description", "x" * 4001, "too_long"),
        ("description", "a\vb", "control_character"),
        ("location", "", None),
        ("location", "x" * 500, None),
        ("location", "x" * 501, "too_long"),
        ("capacity", 1, None),
        ("capacity", 0, "out_of_range"),
        ("capacity", 1_000_000_000, None),
        ("capacity", 1_000_000_001, "out_of_range"),
        ("start_time", "1970-01-01T00:00:00Z", None),
        ("start_time", "1969-12-31T23:59:59Z", "year_out_of_range"),
        ("end_time", "2200-12-31T23:59:59Z", None),
        ("end_time", "2200-12-31T23:59:59-01:00", "year_out_of_range"),
        ("end_time", "2100-01-01T12:00:00", "time_without_offset"),
        ("end_time", "tomorrow", "time_syntax"),
        ("timezone", "Europe/Moscow", None),
        ("timezone", "Moscow", "timezone_unknown"),
        ("timezone", "localtime", "timezone_unknown"),
        ("timezone", "Factory", "timezone_unknown"),
        ("status", "draft", None),
        ("status", "cancelled", "invalid_choice"),
        ("visibility", "private", None),
        ("visibility", "secret", "invalid_choice"),
    ],
)
def test_a_field_is_taken_up_to_its_limits(host: User, field: str, value: Any, fault: str | None) -> None:
    new = {"title": "T"} | TIMES
    response = host.post("/events", json=new | {field: value})
    event_id = host.create_event()["id"]
    patched = host.patch(f"/events/{event_id}", json={field: value})
    if fault is None:
        assert (response.status_code, patched.status_code) == (201, 200)
        return
    (error,) = check_problem(response, 422)["errors"]
    assert (error["field"], error["code"]) == (field, fault)
    if (field, value) == ("status", "cancelled"):
        assert patched.status_code == 200  # an event can be cancelled, but not created as cancelled
    else:
        assert check_problem(patched, 422)["errors"] == [error]


def test_texts_are_trimmed_and_composed(host: User) -> None:
    event = host.create_event(title="  Чаи\u0306 ", description="\n a\r\n\tb \n", location="\u3000Токио ")
    assert (event["title"], event["description"], event["location"]) == ("Чай", "a\n\tb", "Токио")


def test_times_are_answered_in_utc_without_the_fraction(host: User) -> None:
    event = host.create_event(start_time="2100-01-01T01:30:00.999999+03:00", end_time="2100-01-01T00:00:00.5-00:30")
    assert (event["start_time"], event["end_time"]) == ("2099-12-31T22:30:00Z", "2100-01-01T00:30:00Z")


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2100-01-01T10:00:00Z", "2100-01-01T10:00:00Z"),
        ("2100-01-01T10:00:00Z", "2100-01-01T12:00:00+03:00"),
        ("2100-01-01T10:00:00.1Z", "2100-01-01T10:00:00.9Z"),
    ],
)
def test_an_event_ends_after_it_starts(host: User, start: str, end: str) -> None:
    new = {"title": "T", "start_time": start, "end_time": end}
    (error,) = check_problem(host.post("/events", json=new), 422)["errors"]
    assert (error["field"], error["code"]) == ("end_time", "end_before_start")
    event = host.create_event()
    check_problem(host.patch(f"/events/{event['id']}", json={"start_time": start, "end_time": end}), 422)
    assert host.get(f"/events/{event['id']}").json() == event


def test_one_time_alone_is_held_against_the_other(host: User) -> None:
    url = f"/events/{host.create_event()['id']}"
    for patch in ({"start_time": TIMES["end_time"]}, {"end_time": TIMES["start_time"]}):
        (error,) = check_problem(host.patch(url, json=patch), 422)["errors"]
        assert error["code"] == "end_before_start"
    assert host.patch(url, json={"end_time": "2100-01-01T10:00:01Z"}).status_code == 200
    later = {"start_time": "2101-01-01T10:00:00Z", "end_time": "2101-01-01T12:00:00Z"}
    assert host.patch(url, json=later).json().items() >= later.items()


def test_a_change_leaves_the_rest_and_null_clears(host: User) -> None:
    event = host.create_event(**FULL)
    renamed = host.patch(f"/events/{event['id']}", json={"title": "Другое"}).json()
    assert renamed == event | {"title": "Другое", "version": 2}
    cleared = host.patch(f"/events/{event['id']}", json=dict.fromkeys(FULL)).json()
    assert cleared == renamed | dict.fromkeys(FULL) | {"version": 3}


def test_an_empty_change_changes_nothing(fresh_server: Server) -> None:
    host = fresh_server.sign_up()
    event = host.create_event(**FULL)
    tag = host.get(f"/events/{event['id']}").headers["etag"]
    fresh_server.clock.advance(minutes=1)
    for patch in ({}, FULL, {"start_time": "2100-01-01T13:00:00.7+03:00"}):
        response = host.patch(f"/events/{event['id']}", json=patch)
        assert (response.json(), response.headers["etag"]) == (event, tag)
    changed = host.patch(f"/events/{event['id']}", json={"capacity": 6}).json()
    assert (changed["version"], changed["updated_at"]) == (2, "2027-01-01T12:01:00Z")


@pytest.mark.parametrize("field", ["title", "start_time", "end_time", "timezone", "waitlist", "status", "visibility"])
def test_null_for_what_cannot_be_cleared_is_422(host: User, field: str) -> None:
    event = host.create_event()
    (error,) = check_problem(host.patch(f"/events/{event['id']}", json={field: None}), 422)["errors"]
    assert error["field"] == field


def test_an_event_with_participants_is_no_draft_again(host: User) -> None:
    event = host.create_event(status="draft")
    assert host.patch(f"/events/{event['id']}", json={"status": "published"}).json()["status"] == "published"
    assert host.patch(f"/events/{event['id']}", json={"status": "draft"}).json()["status"] == "draft"
    host.patch(f"/events/{event['id']}", json={"status": "published"})
    host.post(f"/events/{event['id']}/register")
    back = host.patch(f"/events/{event['id']}", json={"status": "draft"})
    check_problem(back, 409, "event_has_participants")


def test_codes_are_short_and_unlike_each_other(host: User) -> None:
    codes = [host.create_event()["code"] for _ in range(20)]
    assert len(set(codes)) == 20
    assert len({code[:2] for code in codes}) > 5
    for code in codes:
        assert re.fullmatch("[1-9A-HJ-NP-Za-km-z]{8,10}", code)


def test_a_code_stands_wherever_an_id_does(server: Server, host: User) -> None:
    event = host.create_event()
    url = f"/events/{event['code']}"
    assert host.get(url).json() == event
    assert host.post(f"{url}/register").json()["event_id"] == event["id"]
    assert host.get(f"{url}/participants").json()["event_id"] == event["id"]
    assert host.patch(url, json={"title": "Другое"}).json()["id"] == event["id"]
    if event["code"].swapcase() != event["code"]:
        check_problem(server.client.get(f"/events/{event['code'].swapcase()}"), 404, "event_not_found")
    assert host.delete(url).status_code == 200
    check_problem(server.client.get(f"/events/{event['id']}"), 404, "event_not_found")


def test_a_deleted_event_says_so_in_the_language_asked_for(host: User) -> None:
    url = f"/events/{host.create_event()['id']}"
    assert host.delete(url, headers={"Accept-Language": "en"}).json() == {"message": "Event deleted"}
    check_problem(host.delete(url), 404, "event_not_found")
