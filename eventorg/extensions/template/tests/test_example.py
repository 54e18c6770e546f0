"""Tests the notes as clients and the operator use them, and over time."""

import pytest

from eventorg.testing import Server, check_problem


def test_notes_are_listed_in_order_up_to_the_maximum(eventorg: Server) -> None:
    anna, boris = eventorg.sign_up(), eventorg.sign_up()
    url = f"/events/{anna.create_event()['id']}/example"
    assert boris.post(url, json={"text": "I bring a cake."}).status_code == 201
    assert anna.post(url, json={"text": "I bring tea."}).status_code == 201
    assert [note["text"] for note in boris.get(url).json()["notes"]] == ["I bring a cake.", "I bring tea."]
    full = boris.post(url, json={"text": "And cups."}, headers={"Accept-Language": "en"})
    problem = check_problem(full, 409, "notes_full")
    assert problem["detail"] == "The event already has the maximum number of notes."
    assert eventorg.client.get(problem["type"]).status_code == 200


def test_a_note_sent_twice_is_added_once(eventorg: Server) -> None:
    anna = eventorg.sign_up()
    url = f"/events/{anna.create_event()['id']}/example"
    answers = [anna.post(url, json={"text": "Tea"}, headers={"Idempotency-Key": "1"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert len(anna.get(url).json()["notes"]) == 1


def test_the_notes_of_a_user_who_leaves_are_deleted(eventorg: Server) -> None:
    anna, boris = eventorg.sign_up(), eventorg.sign_up()
    event = f"/events/{anna.create_event()['id']}"
    boris.post(f"{event}/register")
    boris.post(f"{event}/example", json={"text": "I bring a cake."})
    boris.delete(f"{event}/register")
    eventorg.wait_for(lambda: anna.get(f"{event}/example").json() == {"notes": []})


def test_the_export_has_the_users_own_notes(eventorg: Server) -> None:
    anna, boris = eventorg.sign_up(), eventorg.sign_up()
    anna.post(f"/events/{boris.create_event()['id']}/example", json={"text": "Tea"})
    kept = [user.get("/users/me/export").json()["plugins"]["example"]["notes"] for user in (anna, boris)]
    assert [[note["text"] for note in notes] for notes in kept] == [["Tea"], []]


def test_old_notes_are_deleted(eventorg: Server) -> None:
    anna = eventorg.sign_up()
    day = {"start_time": "2027-01-02T10:00:00Z", "end_time": "2027-01-02T12:00:00Z"}
    anna.post(f"/events/{anna.create_event(**day)['id']}/example", json={"text": "Tea"})
    assert eventorg.run("example", "count") == "1\n"
    eventorg.clock.advance(days=32)
    eventorg.wait_for(lambda: eventorg.run("example", "count") == "0\n")


@pytest.mark.parametrize(("method", "json"), [("get", None), ("post", {"text": "Tea"})])
def test_notes_need_a_token(eventorg: Server, method: str, json: object) -> None:
    event = eventorg.sign_up().create_event()
    check_problem(eventorg.client.request(method, f"/events/{event['id']}/example", json=json), 401)
