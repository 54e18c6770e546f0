"""Tests series whose regulars are registered for the next event."""

from types import ModuleType

import pytest

from eventorg.testing import Server, check_problem

from .scene import Scene, Shown, with_all_plugins


def next_event(scene: Scene, series: Shown, number: int = 2) -> Shown:
    """Returns an event once it is made, by its number."""
    return scene.once_there(series, number)[-1]


def test_only_the_next_event_exists_and_comes_when_the_one_before_it_ends(scene: Scene) -> None:
    event = scene.event()
    series = scene.repeat(event, carry_over=True)
    assert series["carry_over"] is True
    assert scene.starts(series) == ["2027-01-05T18:00:00Z"]
    assert len(series["next_start_times"]) == 5
    scene.later(days=4, hours=7.9)
    assert scene.server.client.get("/health").status_code == 200
    assert len(scene.events(series)) == 1
    scene.later(hours=0.1)
    assert next_event(scene, series)["start_time"] == "2027-01-12T18:00:00Z"
    scene.later(days=7)
    assert next_event(scene, series, 3)["start_time"] == "2027-01-19T18:00:00Z"


@with_all_plugins
def test_those_who_had_a_seat_are_registered_in_order_with_their_guests(eventorg: Server, scene: Scene) -> None:
    event = scene.event(capacity=6, max_guests=3, approval_required=True, registration_closes_at="2027-01-05T17:00:00Z")
    path = f"/events/{event['id']}"
    question = {"label": "Voice?", "kind": "text", "required": True}
    anna, boris, clara, dora, emil = (eventorg.sign_up() for _ in range(5))
    scene.register(event, anna, boris, clara, guests=1, guest_names=["Guest"])
    scene.register(event, dora, emil)
    for user in (boris, anna, clara, dora):
        approved = scene.host.patch(f"{path}/participants/{user.id}", json={"approved": True})
        assert approved.status_code == 200, approved.text
    statuses = {person["user_id"]: person["status"] for person in scene.people(event)}
    seated = [user for user in (anna, boris, clara, dora, emil) if statuses[user.id] == "registered"]
    assert seated == [anna, boris, clara]
    scene.host.put(f"{path}/questions", json=[question]).raise_for_status()
    series = scene.repeat(event, carry_over=True)
    scene.later(days=4, hours=6)
    for user in (anna, boris):
        user.token = eventorg.log_in(user.account["email"])
    assert scene.host.patch(f"{path}/participants/{boris.id}", json={"status": "attended"}).status_code == 200
    scene.later(hours=2)
    second = next_event(scene, series)
    people = scene.people(second)
    assert [person["user_id"] for person in people] == [anna.id, boris.id, clara.id]
    assert {(person["status"], person["guests"]) for person in people} == {("registered", 1)}
    assert people[0]["guest_names"] == ["Guest"]
    assert second["registered_count"] == 6


def test_those_who_do_not_fit_wait(eventorg: Server, scene: Scene) -> None:
    event = scene.event()
    users = [eventorg.sign_up() for _ in range(4)]
    scene.register(event, *users)
    series = scene.repeat(event, carry_over=True)
    scene.patch(series, capacity=4)
    scene.host.patch(f"/events/{event['id']}", json={"capacity": 4}).raise_for_status()
    series_path = f"/series/{series['id']}"
    assert scene.host.patch(series_path, json={"capacity": 2}).status_code == 200
    scene.later(days=4, hours=8)
    people = scene.people(next_event(scene, series))
    assert [(person["user_id"], person["status"]) for person in people] == [
        (users[0].id, "registered"),
        (users[1].id, "registered"),
        (users[2].id, "waitlisted"),
        (users[3].id, "waitlisted"),
    ]


def test_without_a_waiting_list_the_others_are_not_registered(eventorg: Server, scene: Scene) -> None:
    event = scene.event(waitlist=False, max_guests=3)
    users = [eventorg.sign_up() for _ in range(3)]
    scene.register(event, users[0])
    scene.register(event, users[1], guests=3)
    scene.register(event, users[2])
    series = scene.repeat(event, carry_over=True)
    scene.patch(series, capacity=2)
    scene.later(days=4, hours=8)
    people = scene.people(next_event(scene, series))
    assert [person["user_id"] for person in people] == [users[0].id, users[2].id]


def test_people_added_by_name_are_registered_too(scene: Scene) -> None:
    event = scene.event()
    path = f"/events/{event['id']}/participants"
    added = scene.host.post(path, json={"first_name": "Boris", "last_name": "B", "guests": 1, "guest_names": ["X"]})
    assert added.status_code == 201, added.text
    series = scene.repeat(event, carry_over=True)
    scene.later(days=4, hours=8)
    second = next_event(scene, series)
    (person,) = scene.host.get(f"/events/{second['id']}/participants?expand=user").json()["participants"]
    assert (person["user"]["first_name"], person["user"]["last_name"]) == ("Boris", "B")
    assert (person["guests"], person["guest_names"], person["status"]) == (1, ["X"], "registered")
    assert person["user_id"] != added.json()["user_id"]
    assert scene.host.delete(f"/events/{event['id']}").status_code == 200
    assert [each["user_id"] for each in scene.people(second)] == [person["user_id"]]


def test_who_leaves_is_not_registered_for_the_one_after(eventorg: Server, scene: Scene) -> None:
    event, anna, boris = scene.event(), eventorg.sign_up(), eventorg.sign_up()
    scene.register(event, anna, boris)
    series = scene.repeat(event, carry_over=True)
    scene.later(days=4, hours=8)
    second = next_event(scene, series)
    anna.token = eventorg.log_in(anna.account["email"])
    assert anna.delete(f"/events/{second['id']}/register").status_code == 200
    scene.later(days=7)
    assert [person["user_id"] for person in scene.people(next_event(scene, series, 3))] == [boris.id]


def test_more_people_than_one_step_are_registered(
    eventorg: Server, scene: Scene, making: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until all of them are, newcomers wait, also those whom a host adds."""
    monkeypatch.setattr(making, "REGULARS", 2)
    event, late = scene.event(), eventorg.sign_up()
    users = [eventorg.sign_up() for _ in range(7)]
    scene.register(event, *users)
    series = scene.repeat(event, carry_over=True)
    with monkeypatch.context() as paused:
        paused.setattr(making, "_register_regulars", lambda *_: False)
        scene.later(days=4, hours=8)
        second = next_event(scene, series)
        late.token = eventorg.log_in(late.account["email"])
        assert [person["user_id"] for person in scene.people(second)] == [user.id for user in users[:2]]
        check_problem(late.post(f"/events/{second['id']}/register"), 409, "series_regulars_first")
        added = scene.host.post(f"/events/{second['id']}/participants", json={"user_id": late.id})
        check_problem(added, 409, "series_regulars_first")
    scene.later(seconds=10)
    eventorg.wait_for(lambda: len(scene.people(second)) == 7)
    eventorg.wait_for(lambda: late.post(f"/events/{second['id']}/register").status_code == 201)
    assert [person["user_id"] for person in scene.people(second)] == [*(user.id for user in users), late.id]


def test_a_cancelled_or_skipped_one_is_followed_at_once(eventorg: Server, scene: Scene) -> None:
    anna = eventorg.sign_up()
    event = scene.event()
    scene.register(event, anna)
    series = scene.repeat(event, carry_over=True)
    scene.skip(series, "2027-01-05")
    first, second = scene.events(series)
    assert (first["status"], second["start_time"]) == ("cancelled", "2027-01-12T18:00:00Z")
    assert [person["user_id"] for person in scene.people(second)] == [anna.id]
    assert scene.host.post(f"/events/{second['id']}/cancel").status_code == 200
    third = next_event(scene, series, 3)
    assert third["start_time"] == "2027-01-19T18:00:00Z"
    assert [person["user_id"] for person in scene.people(third)] == [anna.id]


def test_events_that_follow_each_other_without_a_pause_are_all_made(scene: Scene) -> None:
    event = scene.event("2027-01-02T10:00:00Z", "2027-01-03T10:00:00Z")
    series = scene.repeat(event, "FREQ=DAILY", carry_over=True)
    for number in (2, 3):
        scene.later(days=1 if number == 3 else 1.95)
        assert next_event(scene, series, number)["start_time"] == f"2027-01-0{number + 1}T10:00:00Z"


def test_a_first_event_that_is_over_is_followed_at_once(eventorg: Server, scene: Scene) -> None:
    event, anna = scene.event(), eventorg.sign_up()
    scene.register(event, anna)
    scene.later(days=20)
    series = scene.repeat(event, carry_over=True)
    events = scene.events(series)
    assert [each["start_time"] for each in events] == ["2027-01-05T18:00:00Z", "2027-01-26T18:00:00Z"]
    assert [person["user_id"] for person in scene.people(events[1])] == [anna.id]


def test_blocked_people_and_hidden_gates_do_not_stop_it(eventorg: Server, scene: Scene) -> None:
    """The system registers regulars, so that no rule but the capacity counts."""
    event, anna = scene.event(), eventorg.sign_up()
    scene.register(event, anna)
    assert scene.host.put(f"/users/me/blocks/{anna.id}").status_code in (200, 201)
    check_problem(anna.post(f"/events/{scene.event()['id']}/register"), 403, "blocked")
    series = scene.repeat(event, carry_over=True)
    scene.later(days=4, hours=8)
    assert [person["user_id"] for person in scene.people(next_event(scene, series))] == [anna.id]
