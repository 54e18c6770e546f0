"""The rules for answers: the registration window, the status of the event, blocks, full events, and private events."""

import pytest

from eventorg.testing import Server, User, check_problem
from tests.api.answers import add, given, make, put, withdrawn


def test_the_window_is_for_going_only(fresh_server: Server) -> None:
    host, guest, sitting = (fresh_server.sign_up() for _ in range(3))
    url = make(host, registration_closes_at="2027-01-01T13:00:00Z")
    given(sitting, url, "going", guests=1)
    fresh_server.clock.advance(hours=1)
    check_problem(put(guest, url, "going"), 409, "registration_closed")
    check_problem(add(guest, url, 1), 409, "registration_closed")
    check_problem(add(sitting, url, 1), 409, "registration_closed")
    assert add(sitting, url, -1).json()["registration"]["guests"] == 0
    assert given(sitting, url, "going")["answer"] == "going"
    assert given(sitting, url, "maybe")["counts"]["registered"] == 0
    assert given(guest, url, "declined")["answer"] == "declined"
    assert withdrawn(guest, url)["answer"] is None


def test_nobody_answers_an_event_that_is_not_open(fresh_server: Server) -> None:
    host, guest = fresh_server.sign_up(), fresh_server.sign_up()
    times = {"start_time": "2027-01-01T13:00:00Z", "end_time": "2027-01-01T14:00:00Z"}
    draft, cancelled, over = make(host, status="draft"), make(host), make(host, **times)
    given(guest, cancelled, "maybe")
    given(guest, over, "maybe")
    assert host.post(f"{cancelled}/cancel").status_code == 200
    fresh_server.clock.advance(hours=2)
    for url, code, user in (
        (draft, "event_not_open", host),
        (cancelled, "event_cancelled", guest),
        (over, "event_over", guest),
    ):
        for answer in ("going", "maybe", "declined"):
            check_problem(put(user, url, answer), 409, code)
        check_problem(add(user, url, 1), 409, code)
        assert add(user, url, -1).status_code == 200
    assert guest.get(f"{over}/rsvp").json()["answer"] == "maybe"
    check_problem(guest.delete(f"{over}/rsvp"), 409, "event_over")
    assert withdrawn(guest, cancelled)["counts"]["maybe"] == 0


def test_somebody_who_came_cannot_answer_otherwise(host: User, guest: User) -> None:
    url = make(host)
    given(guest, url, "going")
    assert host.patch(f"{url}/participants/{guest.id}", json={"status": "attended"}).status_code == 200
    for answer in ("maybe", "declined"):
        check_problem(put(guest, url, answer), 409, "already_attended")
    check_problem(guest.delete(f"{url}/rsvp"), 409, "already_attended")
    body = given(guest, url, "going")
    assert (body["answer"], body["registration"]["status"]) == ("going", "attended")


def test_a_blocked_person_can_only_decline(server: Server, host: User, guest: User) -> None:
    url, sitting = make(host), server.sign_up()
    given(sitting, url, "going", guests=1)
    for user in (guest, sitting):
        assert host.put(f"/users/me/blocks/{user.id}").is_success
    check_problem(put(guest, url, "going"), 403, "blocked")
    check_problem(put(guest, url, "maybe"), 403, "blocked")
    check_problem(add(guest, url, 1), 403, "blocked")
    assert given(guest, url, "declined")["counts"]["declined"] == 1
    assert given(sitting, url, "going")["registration"]["status"] == "registered"  # it changes nothing
    check_problem(put(sitting, url, "maybe"), 403, "blocked")
    assert given(sitting, url, "declined")["counts"]["registered"] == 0


def test_an_event_without_a_waiting_list_is_full(server: Server, host: User, guest: User) -> None:
    url = make(host, capacity=1, waitlist=False)
    given(host, url, "going")
    given(guest, url, "maybe")
    check_problem(put(guest, url, "going"), 409, "event_full")
    assert guest.get(f"{url}/rsvp").json()["answer"] == "maybe"  # a refusal changes nothing
    check_problem(add(host, url, 1), 409, "event_full")


def test_giving_up_a_seat_lets_the_next_in(server: Server, host: User, guest: User) -> None:
    url, waiting = make(host, capacity=1), server.sign_up()
    given(guest, url, "going")
    assert given(waiting, url, "going")["registration"]["status"] == "waitlisted"
    body = given(guest, url, "maybe")
    assert body["counts"] == {"registered": 1, "waitlisted": 0, "maybe": 1, "declined": 0, "capacity": 1}
    assert waiting.get(f"{url}/rsvp").json()["registration"]["status"] == "registered"
    assert given(guest, url, "going")["registration"]["waitlist_position"] == 1


def test_somebody_pending_is_going(host: User, guest: User) -> None:
    url = make(host, approval_required=True)
    body = given(guest, url, "going", guests=1)
    assert body["answer"] == "going"
    assert [body["registration"][name] for name in ("status", "approved", "waitlist_position")] == [
        "waitlisted",
        False,
        None,
    ]
    assert body["counts"] == {"registered": 0, "waitlisted": 0, "maybe": 0, "declined": 0, "capacity": None}
    assert given(guest, url, "declined")["counts"]["declined"] == 1
    assert host.get(url).json()["pending_count"] == 0


@pytest.mark.parametrize("answer", ["maybe", "declined"])
def test_people_who_answered_see_the_event(host: User, guest: User, answer: str) -> None:
    url = make(host)
    given(guest, url, answer)
    assert host.patch(url, json={"visibility": "private"}).status_code == 200
    for path in (url, f"{url}/rsvp", f"{url}/card"):
        assert guest.get(path).status_code == 200
    assert guest.get(url).json()["role"] is None
    assert given(guest, url, "going")["registration"]["status"] == "registered"
    check_problem(host.patch(url, json={"status": "draft"}), 409, "event_has_participants")
    given(guest, url, answer)
    check_problem(host.patch(url, json={"status": "draft"}), 409, "event_has_participants")
    withdrawn(guest, url)
    assert host.patch(url, json={"status": "draft"}).status_code == 200


def test_a_stranger_cannot_answer_a_private_event(host: User, guest: User) -> None:
    url = make(host, visibility="private")
    for response in (put(guest, url, "declined"), add(guest, url, 1), guest.get(f"{url}/rsvp"),
                     guest.delete(f"{url}/rsvp"), guest.get(f"{url}/rsvps")):  # fmt: skip
        check_problem(response, 404, "event_not_found")
