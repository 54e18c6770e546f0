"""Answers: going, maybe and declined in one idempotent call, withdrawals, and "+1" buttons."""

from typing import Any

import pytest

from eventorg.storage.invariants import find_miscounts
from eventorg.testing import Bot, Server, User, check_problem
from tests.api.answers import Tape, add, answered, given, make, put, registered, withdrawn


@pytest.fixture(scope="module")
def reader(server: Server) -> Bot:
    return server.make_bot("changes")


@pytest.fixture
def tape(reader: Bot) -> Tape:
    return Tape(reader)


def test_an_answer_has_everything_that_a_tap_needs(host: User, guest: User) -> None:
    url = make(host, capacity=2)
    body = given(guest, url, "going", guests=1, guest_names=["Boris"])
    registration = guest.get(f"{url}/participants/me").json()
    assert list(body) == ["event_id", "user_id", "answer", "answered_at", "registration", "counts", "card_etag"]
    assert (body["event_id"], body["user_id"]) == (url.removeprefix("/events/"), guest.id)
    assert (body["answer"], body["answered_at"]) == ("going", registration["registration_date"])
    assert body["registration"] == registration
    assert body["counts"] == {"registered": 2, "waitlisted": 0, "maybe": 0, "declined": 0, "capacity": 2}
    late = given(host, url, "going")
    assert late["registration"]["waitlist_position"] == 1
    assert late["counts"] == {"registered": 2, "waitlisted": 1, "maybe": 0, "declined": 0, "capacity": 2}


@pytest.mark.parametrize("answer", ["maybe", "declined"])
def test_the_other_answers_take_no_seat(host: User, guest: User, answer: str) -> None:
    url = make(host)
    body = given(guest, url, answer)
    assert (body["answer"], body["registration"]) == (answer, None)
    assert body["answered_at"] == "2027-01-01T12:00:00Z"
    assert guest.get(f"{url}/participants").json()["participants"] == []
    event = host.get(url).json()
    assert (event["maybe_count"], event["declined_count"]) == ((1, 0) if answer == "maybe" else (0, 1))


@pytest.mark.parametrize("before", [None, "going", "maybe", "declined"])
@pytest.mark.parametrize("after", [None, "going", "maybe", "declined"])
def test_each_step_from_one_answer_to_another(
    server: Server, host: User, guest: User, tape: Tape, before: str | None, after: str | None
) -> None:
    """The answer, the counters, and the changes, of which `rsvp.updated` is one unless the answer stays."""
    url = make(host)
    first = given(guest, url, before) if before else None
    tape()
    if after:
        body = given(guest, url, after)
    elif before:
        body = withdrawn(guest, url)
    else:
        check_problem(guest.delete(f"{url}/rsvp"), 404, "rsvp_not_found")
        return
    assert body["answer"] == after
    assert (body["registration"] is not None) == (after == "going")
    counts = {"registered": after == "going", "maybe": after == "maybe", "declined": after == "declined"}
    assert body["counts"] == {"waitlisted": 0, "capacity": None} | {name: int(is_it) for name, is_it in counts.items()}
    event = host.get(url).json()
    assert [event[f"{name}_count"] for name in counts] == list(counts.values())
    if before == after:
        assert body == first
        assert tape() == []
        return
    expected = [answered(after, before, guest)]
    if before == "going":
        expected.append(registered("cancelled", "cancelled", "registered", guest))
    if after == "going":
        expected.append(registered("created", "registered", None, guest))
    assert sorted(tape(), key=str) == sorted(expected, key=str)
    if after is None:
        check_problem(guest.get(f"{url}/rsvp"), 404, "rsvp_not_found")
        assert body["answered_at"] is None
    else:
        assert guest.get(f"{url}/rsvp").json() == body


@pytest.mark.parametrize("answer", ["going", "maybe", "declined"])
def test_a_repeated_tap_changes_and_records_nothing(fresh_server: Server, answer: str) -> None:
    host, guest = fresh_server.sign_up(), fresh_server.sign_up()
    url, tape = make(host), Tape(fresh_server.make_bot("changes"))
    first = given(guest, url, answer)
    tape()
    fresh_server.clock.advance(minutes=5)
    assert given(guest, url, answer) == first
    assert tape() == []
    given(guest, url, "maybe" if answer != "maybe" else "declined")
    assert given(guest, url, answer)["answered_at"] == "2027-01-01T12:05:00Z"


def test_going_without_guests_keeps_the_party(host: User, guest: User, tape: Tape) -> None:
    url = make(host)
    given(guest, url, "going", guests=2, guest_names=["B", "V"])
    tape()
    kept = given(guest, url, "going")
    assert (kept["registration"]["guests"], kept["registration"]["guest_names"]) == (2, ["B", "V"])
    assert tape() == []
    fewer = given(guest, url, "going", guests=1)["registration"]
    assert (fewer["guests"], fewer["guest_names"]) == (1, ["B"])
    assert tape() == [registered("updated", "registered", "registered", guest, 1)]
    assert given(guest, url, "going", guest_names=["G"])["registration"]["guest_names"] == ["G"]
    check_problem(put(guest, url, "going", guests=6), 422, "validation_failed")
    check_problem(put(guest, url, "going", guest_names=["a", "b"]), 422, "validation_failed")
    assert guest.get(f"{url}/rsvp").json()["registration"]["guests"] == 1


def test_the_other_answers_refuse_guests(host: User, guest: User) -> None:
    url = make(host)
    for answer in ("maybe", "declined"):
        parties: list[dict[str, Any]] = [{"guests": 0}, {"guest_names": []}, {"guests": 1, "guest_names": ["B"]}]
        for fields in parties:
            problem = check_problem(put(guest, url, answer, **fields), 422, "validation_failed")
            assert {fault["field"] for fault in problem["errors"]} == fields.keys()
            assert {fault["code"] for fault in problem["errors"]} == {"guests_without_going"}
    for body in ({}, {"answer": "perhaps"}, {"answer": None}, {"answer": "going", "more": 1}):
        check_problem(guest.put(f"{url}/rsvp", json=body), 422, "validation_failed")
    check_problem(guest.get(f"{url}/rsvp"), 404, "rsvp_not_found")


def test_registering_is_going_and_leaving_withdraws_the_answer(host: User, guest: User, tape: Tape) -> None:
    url = make(host)
    given(guest, url, "maybe")
    tape()
    assert guest.post(f"{url}/register").status_code == 201
    assert guest.get(f"{url}/rsvp").json()["answer"] == "going"
    assert sorted(tape(), key=str) == sorted(
        [answered("going", "maybe", guest), registered("created", "registered", None, guest)], key=str
    )
    assert guest.delete(f"{url}/register").status_code == 200
    check_problem(guest.get(f"{url}/rsvp"), 404, "rsvp_not_found")
    assert tape() == [registered("cancelled", "cancelled", "registered", guest)]
    given(guest, url, "declined")
    tape()
    assert guest.delete(f"{url}/register").json()["status"] == "cancelled"
    check_problem(guest.get(f"{url}/rsvp"), 404, "rsvp_not_found")
    assert tape() == [answered(None, "declined", guest)]
    assert guest.delete(f"{url}/register").status_code == 200
    assert tape() == []


def test_a_host_who_removes_somebody_ends_the_answer(host: User, guest: User) -> None:
    url = make(host)
    given(guest, url, "going")
    assert host.delete(f"{url}/participants/{guest.id}").status_code == 200
    check_problem(guest.get(f"{url}/rsvp"), 404, "rsvp_not_found")
    given(guest, url, "maybe")
    guest.delete(f"{url}/register")
    host.patch(url, json={"visibility": "private"})
    check_problem(guest.get(url), 404, "event_not_found")  # leaving again does not undo the removal


@pytest.mark.parametrize("answer", ["maybe", "declined"])
def test_a_host_who_removes_somebody_who_left_ends_the_stored_answer(
    host: User, guest: User, tape: Tape, answer: str
) -> None:
    """Somebody whom a host removes does not come back to a private event by an answer from before."""
    url = make(host)
    put(guest, url, "going")
    put(guest, url, answer)
    host.patch(url, json={"visibility": "private"})
    tape()
    assert host.delete(f"{url}/participants/{guest.id}").status_code == 200
    assert tape() == [("rsvp.updated", guest.id, {"answer": None, "previous_answer": answer})]
    assert host.get(url).json()[f"{answer}_count"] == 0
    check_problem(guest.get(url), 404, "event_not_found")
    check_problem(put(guest, url, "going"), 404, "event_not_found")


def test_one_more_and_one_less(host: User, guest: User, tape: Tape) -> None:
    url = make(host, max_guests=2)
    before = add(guest, url, -1)
    assert (before.status_code, before.json()["answer"], before.json()["registration"]) == (200, None, None)
    assert "etag" not in before.headers
    assert tape() == []
    assert add(guest, url, 1).json()["registration"]["guests"] == 1
    assert sorted(tape(), key=str) == sorted(
        [answered("going", None, guest), registered("created", "registered", None, guest, 1)], key=str
    )
    assert add(guest, url, 1).json()["registration"]["guests"] == 2
    problem = check_problem(add(guest, url, 1), 422, "validation_failed")
    assert [(fault["field"], fault["code"]) for fault in problem["errors"]] == [("guests_delta", "too_many_guests")]
    assert [add(guest, url, -1).json()["registration"]["guests"] for _ in range(3)] == [1, 0, 0]
    tape()
    assert add(guest, url, -1).json()["counts"]["registered"] == 1
    assert tape() == []
    for body in ({}, {"guests_delta": 0}, {"guests_delta": 2}, {"guests_delta": "1"}, {"guests_delta": 1.5}):
        check_problem(guest.patch(f"{url}/rsvp", json=body), 422, "validation_failed")


@pytest.mark.parametrize("answer", ["maybe", "declined"])
def test_one_more_from_another_answer_comes_with_one_guest(host: User, guest: User, tape: Tape, answer: str) -> None:
    url = make(host)
    first = given(guest, url, answer)
    tape()
    assert add(guest, url, -1).json() == first
    assert tape() == []
    body = add(guest, url, 1).json()
    assert (body["answer"], body["registration"]["guests"]) == ("going", 1)
    assert answered("going", answer, guest) in tape()


def test_one_more_of_twenty_is_too_many(host: User, guest: User) -> None:
    url = make(host, max_guests=20)
    given(guest, url, "going", guests=20)
    check_problem(add(guest, url, 1), 422, "validation_failed")


def test_a_key_makes_a_tap_count_once(host: User, guest: User) -> None:
    url = make(host)
    for _ in range(2):
        body = guest.patch(f"{url}/rsvp", json={"guests_delta": 1}, headers={"Idempotency-Key": "tap"}).json()
        assert body["registration"]["guests"] == 1
    assert guest.get(f"{url}/rsvp").json()["registration"]["guests"] == 1


def test_a_tag_guards_an_answer(host: User, guest: User) -> None:
    url = make(host)
    path = f"{url}/rsvp"
    check_problem(guest.put(path, json={"answer": "maybe"}, headers={"If-Match": "*"}), 412, "version_mismatch")
    first = guest.put(path, json={"answer": "maybe"}, headers={"If-None-Match": "*"})
    tag = first.headers["etag"]
    assert guest.get(path).headers["etag"] == tag
    assert guest.get(path, headers={"If-None-Match": tag}).status_code == 304
    check_problem(guest.put(path, json={"answer": "going"}, headers={"If-None-Match": "*"}), 412, "version_mismatch")
    second = guest.put(path, json={"answer": "going"}, headers={"If-Match": tag})
    assert second.status_code == 200
    for request in (
        guest.put(path, json={"answer": "declined"}, headers={"If-Match": tag}),
        guest.patch(path, json={"guests_delta": 1}, headers={"If-Match": tag}),
        guest.delete(path, headers={"If-Match": tag}),
    ):
        check_problem(request, 412, "version_mismatch")
    # Another's answer changes the tag, because the counters are shown, but not the version.
    given(host, url, "declined")
    assert guest.get(path).headers["etag"] != second.headers["etag"]
    assert guest.delete(path, headers={"If-Match": second.headers["etag"]}).status_code == 200


def test_the_export_has_the_answers(host: User, guest: User) -> None:
    url = make(host)
    given(guest, url, "maybe")
    assert guest.get("/users/me/export").json()["rsvps"] == [
        {"event_id": url.removeprefix("/events/"), "answer": "maybe", "answered_at": "2027-01-01T12:00:00Z"}
    ]


@pytest.mark.parametrize("answer", ["going", "maybe", "declined"])
def test_a_deleted_account_takes_its_answer_along(server: Server, host: User, guest: User, answer: str) -> None:
    url = make(host)
    given(guest, url, answer)
    assert guest.delete("/users/me").status_code == 200
    event = host.get(url).json()
    assert [event[f"{name}_count"] for name in ("registered", "maybe", "declined")] == [0, 0, 0]
    assert host.get(f"{url}/rsvps").json()["rsvps"] == []
    assert find_miscounts(server.settings.database_path) == []


def test_a_deleted_event_is_told_to_people_who_answered_maybe(server: Server, host: User, guest: User) -> None:
    url, declines = make(host), server.sign_up()
    given(guest, url, "maybe")
    given(declines, url, "declined")
    after = guest.get("/changes?after=latest").json()["next"]
    assert host.delete(url).status_code == 200
    told = guest.get(f"/changes?after={after}").json()["changes"]
    assert [(each["type"], each["event_id"]) for each in told] == [("event.deleted", url.removeprefix("/events/"))]
    assert declines.get(f"/changes?after={after}").json()["changes"] == []
