"""Parties: guests take seats, wait together, and get seats together; the window and the approval."""

from typing import Any

from eventorg.testing import Server, User, check_problem


def make(host: User, **fields: Any) -> str:
    return f"/events/{host.create_event(**{'max_guests': 5} | fields)['id']}"


def counts(host: User, url: str) -> tuple[int, int, int]:
    event = host.get(url).json()
    return event["registered_count"], event["waitlisted_count"], event["pending_count"]


def join(server: Server, url: str, guests: int = 0, **fields: Any) -> tuple[User, dict[str, Any]]:
    user = server.sign_up()
    response = user.post(f"{url}/register", json={"guests": guests} | fields)
    assert response.status_code == 201, response.text
    return user, response.json()


def test_counters_count_people(server: Server, host: User) -> None:
    url = make(host, capacity=4)
    _, first = join(server, url, 2, guest_names=["Boris"])
    assert (first["status"], first["guests"], first["guest_names"], first["approved"]) == (
        "registered",
        2,
        ["Boris"],
        True,
    )
    _, second = join(server, url, 1)
    assert (second["status"], second["waitlist_position"]) == ("waitlisted", 1)
    assert counts(host, url) == (3, 2, 0)


def test_a_free_seat_goes_to_the_first_party_that_fits_whole(server: Server, host: User) -> None:
    url = make(host, capacity=3)
    first, _ = join(server, url, 2)
    big, waiting = join(server, url, 3)
    small, behind = join(server, url, 1)
    last, _ = join(server, url)
    assert (waiting["waitlist_position"], behind["waitlist_position"]) == (1, 2)
    assert first.delete(f"{url}/register").status_code == 200
    assert [user.get(f"{url}/participants/me").json()["status"] for user in (big, small, last)] == [
        "waitlisted",
        "registered",
        "registered",
    ]
    assert big.get(f"{url}/participants/me").json()["waitlist_position"] == 1
    assert counts(host, url) == (3, 4, 0)
    assert host.patch(url, json={"capacity": 7}).status_code == 200
    assert counts(host, url) == (7, 0, 0)


def test_a_party_that_shrinks_lets_others_in_and_one_that_grows_needs_seats(server: Server, host: User) -> None:
    url = make(host, capacity=3)
    first, _ = join(server, url, 1)
    check_problem(first.patch(f"{url}/register", json={"guests": 3}), 409, "event_full")
    grown = first.patch(f"{url}/register", json={"guests": 2, "guest_names": ["B", "V"]})
    assert (grown.status_code, grown.json()["guests"]) == (200, 2)
    _, waiting = join(server, url, 0)
    assert waiting["status"] == "waitlisted"
    shrunk = first.patch(f"{url}/register", json={"guests": 1}).json()
    assert (shrunk["guests"], shrunk["guest_names"]) == (1, ["B"])
    assert counts(host, url) == (3, 0, 0)
    check_problem(first.patch(f"{url}/register", json={"guests": 6}), 422, "validation_failed")
    check_problem(first.patch(f"{url}/register", json={"guest_names": ["a", "b"]}), 422, "validation_failed")


def test_a_waiting_party_that_shrinks_keeps_its_place_and_may_fit(server: Server, host: User) -> None:
    url = make(host, capacity=2)
    join(server, url)
    big, waiting = join(server, url, 1)
    assert waiting["status"] == "waitlisted"
    assert big.patch(f"{url}/register", json={"guests": 2}).json()["waitlist_position"] == 1
    assert big.patch(f"{url}/register", json={"guests": 0}).json()["status"] == "registered"
    assert counts(host, url) == (2, 0, 0)


def test_a_tag_sees_a_changed_party(server: Server, host: User) -> None:
    url = make(host)
    user, _ = join(server, url)
    tag = user.get(f"{url}/participants/me").headers["etag"]
    assert user.patch(f"{url}/register", json={"guests": 1}, headers={"If-Match": tag}).status_code == 200
    late = user.patch(f"{url}/register", json={"guests": 2}, headers={"If-Match": tag})
    check_problem(late, 412, "version_mismatch")


def test_the_window_is_open_between_its_times(fresh_server: Server) -> None:
    host = fresh_server.sign_up()
    opens, closes = "2027-01-01T13:00:00Z", "2027-01-01T14:00:00Z"
    url = make(host, registration_opens_at=opens, registration_closes_at=closes)
    guest = fresh_server.sign_up()
    early = guest.post(f"{url}/register")
    check_problem(early, 409, "registration_not_open")
    assert early.json()["opens_at"] == opens
    fresh_server.clock.advance(hours=1)
    assert guest.post(f"{url}/register", json={"guests": 2}).status_code == 201
    fresh_server.clock.advance(hours=1)
    late = fresh_server.sign_up().post(f"{url}/register")
    check_problem(late, 409, "registration_closed")
    assert late.json()["closes_at"] == closes
    assert guest.post(f"{url}/register", json={"guests": 5}).status_code == 200
    check_problem(guest.patch(f"{url}/register", json={"guests": 3}), 409, "registration_closed")
    assert guest.patch(f"{url}/register", json={"guests": 1}).status_code == 200
    assert guest.delete(f"{url}/register").status_code == 200
    bad = host.patch(url, json={"registration_closes_at": opens})
    check_problem(bad, 422, "validation_failed")
    assert bad.json()["errors"][0]["field"] == "registration_closes_at"


def test_turning_approval_off_approves_everybody_in_order(server: Server, host: User) -> None:
    url = make(host, capacity=3, approval_required=True)
    people = [join(server, url, guests) for guests in (1, 2, 0)]
    assert {(made["status"], made["approved"], made["waitlist_position"]) for _, made in people} == {
        ("waitlisted", False, None)
    }
    assert counts(host, url) == (0, 0, 6)
    pending = host.get(f"{url}/participants?approved=false").json()["participants"]
    assert [each["user_id"] for each in pending] == [user.id for user, _ in people]
    assert host.patch(url, json={"approval_required": False}).status_code == 200
    now = [user.get(f"{url}/participants/me").json() for user, _ in people]
    assert [(each["status"], each["approved"], each["waitlist_position"]) for each in now] == [
        ("registered", True, None),
        ("waitlisted", True, 1),
        ("registered", True, None),
    ]
    assert counts(host, url) == (3, 3, 0)


def test_a_host_needs_no_approval(host: User) -> None:
    url = make(host, approval_required=True)
    assert host.post(f"{url}/register").json()["status"] == "registered"
