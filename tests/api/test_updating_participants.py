"""`PATCH …/participants/{user_id}`: hosts approve, let in, change parties, and check in."""

from typing import Any

import pytest

from eventorg.testing import Server, User, check_problem


def make(host: User, **fields: Any) -> str:
    return f"/events/{host.create_event(**fields)['id']}"


def join(server: Server, url: str, **fields: Any) -> User:
    user = server.sign_up()
    assert user.post(f"{url}/register", json=fields).status_code == 201
    return user


def change(host: User, url: str, guest: User, **fields: Any) -> Any:
    return host.patch(f"{url}/participants/{guest.id}", json=fields)


def counts(host: User, url: str) -> tuple[int, int, int]:
    event = host.get(url).json()
    return event["registered_count"], event["waitlisted_count"], event["pending_count"]


def place(registration: dict[str, Any]) -> tuple[str, bool, int | None]:
    return registration["status"], registration["approved"], registration["waitlist_position"]


def log(host: User, url: str) -> list[tuple[str, Any]]:
    event_id = url.rpartition("/")[2]
    changes = host.get("/changes").json()["changes"]
    return [(each["type"], each["data"]) for each in changes if each["event_id"] == event_id]


def test_an_empty_change_changes_nothing(server: Server, host: User) -> None:
    url = make(host, capacity=1)
    seated, waiting, gone = join(server, url), join(server, url), join(server, url)
    gone.delete(f"{url}/register")
    before = log(host, url)
    for guest in (seated, waiting, gone):
        for fields in ({}, {"raise_capacity": True}, {"raise_capacity": False}):
            now = guest.get(f"{url}/participants/me")
            answer = change(host, url, guest, **fields)
            assert (answer.status_code, answer.json()) == (200, now.json())
            assert answer.headers["etag"] == now.headers["etag"]
    assert log(host, url) == before
    assert host.get(url).json()["capacity"] == 1


@pytest.mark.parametrize("how", [{"approved": True}, {"status": "registered"}])
def test_an_approval_gives_free_seats(server: Server, host: User, how: dict[str, Any]) -> None:
    url = make(host, capacity=2, approval_required=True, max_guests=1)
    guest = join(server, url, guests=1)
    answer = change(host, url, guest, **how)
    assert answer.status_code == 200, answer.text
    assert place(answer.json()) == ("registered", True, None)
    assert counts(host, url) == (2, 0, 0)
    data = {"status": "registered", "previous_status": "waitlisted", "guests": 1, "by": "host"}
    assert log(host, url)[-1] == ("registration.promoted", data)
    assert change(host, url, guest, **how).json() == answer.json(), "again it changes nothing"
    assert log(host, url)[-1] == ("registration.promoted", data)
    assert len(log(host, url)) == 3


def test_an_approval_without_seats_gives_the_place_by_the_time_of_registration(server: Server, host: User) -> None:
    url = make(host, capacity=1, approval_required=True)
    first, second = join(server, url), join(server, url)
    host.post(f"{url}/register")
    assert place(change(host, url, second, approved=True).json()) == ("waitlisted", True, 1)
    answer = change(host, url, first, approved=True)
    assert place(answer.json()) == ("waitlisted", True, 1)
    assert place(second.get(f"{url}/participants/me").json()) == ("waitlisted", True, 2)
    assert counts(host, url) == (1, 2, 0)
    kind, data = log(host, url)[-1]
    assert (kind, data["status"], data["by"]) == ("registration.updated", "waitlisted", "host")


def test_an_approval_needs_seats_where_nobody_waits(server: Server, host: User) -> None:
    url = make(host, capacity=1, approval_required=True, waitlist=False)
    guest = join(server, url)
    host.post(f"{url}/register")
    check_problem(change(host, url, guest, approved=True), 409, "event_full")
    assert counts(host, url) == (1, 0, 1)


def test_only_true_approves(server: Server, host: User) -> None:
    url = make(host, approval_required=True)
    guest = join(server, url)
    problem = check_problem(change(host, url, guest, approved=False), 422, "validation_failed")
    assert [(fault["field"], fault["code"]) for fault in problem["errors"]] == [("approved", "invalid_choice")]


@pytest.mark.parametrize("approval", [False, True])
def test_seats_out_of_turn_need_room_or_a_larger_event(server: Server, host: User, *, approval: bool) -> None:
    url = make(host, capacity=2, max_guests=2)
    join(server, url)
    first = join(server, url, guests=2)
    host.patch(url, json={"approval_required": approval})
    chosen = join(server, url, guests=2)
    tag = host.get(url).headers["etag"]
    check_problem(change(host, url, chosen, status="registered"), 409, "event_full")
    assert host.get(url).headers["etag"] == tag
    version = host.get(url).json()["version"]
    answer = change(host, url, chosen, status="registered", raise_capacity=True)
    assert place(answer.json()) == ("registered", True, None)
    event = host.get(url).json()
    assert (event["capacity"], event["version"]) == (4, version + 1), "two seats were missing"
    assert counts(host, url) == (4, 3, 0)
    assert place(first.get(f"{url}/participants/me").json()) == ("waitlisted", True, 1)
    (event_kind, event_data), (kind, data) = log(host, url)[-2:]
    assert (event_kind, event_data) == ("event.updated", {"changed": ["capacity"]})
    assert (kind, data["status"], data["by"]) == ("registration.promoted", "registered", "host")


def test_a_capacity_that_suffices_or_is_missing_stays(server: Server, host: User) -> None:
    for capacity in (5, None):
        url = make(host, capacity=capacity, approval_required=True)
        guest = join(server, url)
        version = host.get(url).json()["version"]
        assert change(host, url, guest, status="registered", raise_capacity=True).json()["status"] == "registered"
        event = host.get(url).json()
        assert (event["capacity"], event["version"]) == (capacity, version)


def test_a_capacity_that_was_lowered_is_raised_by_what_is_missing(server: Server, host: User) -> None:
    url = make(host, capacity=3)
    for _ in range(3):
        join(server, url)
    host.patch(url, json={"capacity": 1})
    waiting = join(server, url)
    assert change(host, url, waiting, status="registered", raise_capacity=True).json()["status"] == "registered"
    assert host.get(url).json()["capacity"] == 4


def test_an_approval_can_raise_the_capacity(server: Server, host: User) -> None:
    url = make(host, capacity=1, approval_required=True)
    guest = join(server, url)
    host.post(f"{url}/register")
    answer = change(host, url, guest, approved=True, raise_capacity=True, status="attended")
    assert place(answer.json()) == ("attended", True, None)
    assert (host.get(url).json()["capacity"], counts(host, url)) == (2, (2, 0, 0))


def test_who_waits_or_left_is_not_checked_in(server: Server, host: User) -> None:
    url = make(host, capacity=1)
    seated, waiting = join(server, url), join(server, url)
    for raises in (False, True):
        answer = change(host, url, waiting, status="attended", raise_capacity=raises)
        check_problem(answer, 409, "registration_waitlisted")
    waiting.delete(f"{url}/register")
    for fields in ({"status": "attended"}, {"status": "registered"}, {"approved": True}, {"guests": 1}):
        check_problem(change(host, url, waiting, **fields), 409, "registration_cancelled")
    host.patch(url, json={"approval_required": True})
    check_problem(change(host, url, join(server, url), status="attended"), 409, "registration_waitlisted")
    assert change(host, url, seated, status="attended").json()["status"] == "attended"
    assert change(host, url, seated, status="registered").json()["status"] == "registered"
    assert [kind for kind, _ in log(host, url)[-2:]] == ["registration.attended", "registration.updated"]


def test_a_host_changes_a_party_beyond_the_rules_but_not_beyond_the_seats(fresh_server: Server) -> None:
    host = fresh_server.sign_up()
    url = make(host, capacity=5, max_guests=0)
    guest = join(fresh_server, url)
    host.patch(url, json={"registration_closes_at": "2027-01-01T12:00:00Z"})
    check_problem(guest.patch(f"{url}/register", json={"guests": 1}), 409, "registration_closed")
    answer = change(host, url, guest, guests=4, guest_names=["B", "V"])
    assert (answer.status_code, answer.json()["guests"], answer.json()["guest_names"]) == (200, 4, ["B", "V"])
    kind, data = log(host, url)[-1]
    assert (kind, data["guests"], data["by"]) == ("registration.updated", 4, "host")
    check_problem(change(host, url, guest, guests=5), 409, "event_full")
    raised = change(host, url, guest, guests=6, raise_capacity=True)
    assert (raised.json()["guests"], host.get(url).json()["capacity"]) == (6, 7)
    assert counts(host, url) == (7, 0, 0)
    for fields in ({"guests": 21}, {"guests": 1, "guest_names": ["a", "b"]}, {"guests": -1}):
        check_problem(change(host, url, guest, **fields), 422, "validation_failed")
    shrunk = change(host, url, guest, guests=1)
    assert (shrunk.json()["guests"], shrunk.json()["guest_names"]) == (1, ["B"])


def test_a_host_changes_a_waiting_party_which_keeps_its_place_or_gets_seats(server: Server, host: User) -> None:
    url = make(host, capacity=2, max_guests=3)
    join(server, url)
    waiting = join(server, url, guests=3)
    assert place(change(host, url, waiting, guests=20).json()) == ("waitlisted", True, 1)
    answer = change(host, url, waiting, guests=0, status="attended")
    assert place(answer.json()) == ("attended", True, None), "the smaller party fits, and is checked in"
    assert counts(host, url) == (2, 0, 0)


def test_seats_are_given_only_for_an_event_that_is_open(fresh_server: Server) -> None:
    host = fresh_server.sign_up()
    times = {"start_time": "2027-01-01T13:00:00Z", "end_time": "2027-01-01T14:00:00Z"}
    url = make(host, capacity=1, **times)
    seated, waiting = join(fresh_server, url), join(fresh_server, url)
    host.post(f"{url}/cancel")
    check_problem(change(host, url, waiting, status="registered", raise_capacity=True), 409, "event_cancelled")
    host.patch(url, json={"status": "published"})
    fresh_server.clock.advance(hours=3)
    check_problem(change(host, url, waiting, status="registered", raise_capacity=True), 409, "event_over")
    check_problem(change(host, url, seated, guests=1, raise_capacity=True), 409, "event_over")
    assert host.get(url).json()["capacity"] == 1
    assert change(host, url, seated, status="attended").status_code == 200


def test_each_change_guards_the_version(server: Server, host: User) -> None:
    url = make(host, capacity=1, approval_required=True)
    guest = join(server, url)
    host.post(f"{url}/register")
    seat = f"{url}/participants/{guest.id}"
    tag = guest.get(seat).headers["etag"]
    for fields in ({"guests": 1}, {"approved": True}, {"status": "registered", "raise_capacity": True}):
        new = host.patch(seat, json=fields, headers={"If-Match": tag})
        assert new.status_code == 200, new.text
        check_problem(host.patch(seat, json=fields, headers={"If-Match": tag}), 412, "version_mismatch")
        tag = new.headers["etag"]
    assert guest.get(seat).headers["etag"] == tag
