"""Invitations: codes that let people come to private events and past an approval, as often as a host allows."""

from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import structs

from eventorg import core
from eventorg.domain.values import BASE58
from eventorg.settings import Settings
from eventorg.storage.statements import Statements
from eventorg.testing import Server, User, check_problem, running
from tests.api.test_races import at_once

USES, CLIENTS = 3, 20


def invite(host: User, url: str, **limits: Any) -> dict[str, Any]:
    """Returns a new invitation."""
    response = host.post(f"{url}/invitations", json=limits)
    assert response.status_code == 201, response.text
    invitation: dict[str, Any] = response.json()
    return invitation


def private(host: User, **fields: Any) -> tuple[str, str]:
    """Returns the URL of a private event, and that of an invitation to it."""
    url = f"/events/{host.create_event(visibility='private', **fields)['id']}"
    return url, f"/invitations/{invite(host, url)['code']}"


def uses(host: User, url: str) -> list[int]:
    return [invitation["uses"] for invitation in host.get(f"{url}/invitations").json()["invitations"]]


def test_a_host_creates_lists_and_revokes_invitations(server: Server, host: User, guest: User) -> None:
    url = f"/events/{host.create_event()['id']}"
    first = host.post(f"{url}/invitations")
    assert first.status_code == 201
    assert first.json() == {
        "id": first.json()["id"],
        "code": first.json()["code"],
        "event_id": url.removeprefix("/events/"),
        "uses": 0,
        "max_uses": None,
        "expires_at": None,
        "created_at": "2027-01-01T12:00:00Z",
    }
    assert len(first.json()["code"]) == 22
    assert set(first.json()["code"]) <= set(BASE58)
    second = invite(host, url, max_uses=5, expires_at="2027-02-01T13:00:00+01:00")
    assert (second["max_uses"], second["expires_at"]) == (5, "2027-02-01T12:00:00Z")
    third = invite(host, url, max_uses=None, expires_at=None)
    whole = host.get(f"{url}/invitations").json()
    assert whole["invitations"] == [first.json(), second, third]
    assert (whole["next"], whole["as_of"]) == (None, host.get("/changes?after=latest").json()["next"])

    page = host.get(f"{url}/invitations?limit=2").json()
    rest = host.get(f"{url}/invitations", params={"limit": 2, "cursor": page["next"]}).json()
    assert (page["invitations"] + rest["invitations"], rest["next"]) == (whole["invitations"], None)

    answer = host.delete(f"{url}/invitations/{second['id']}", headers={"Accept-Language": "en"})
    assert (answer.status_code, answer.json()) == (200, {"message": "Invitation revoked"})
    assert host.get(f"{url}/invitations").json()["invitations"] == [first.json(), third]
    check_problem(host.delete(f"{url}/invitations/{second['id']}"), 404, "invitation_not_found")
    check_problem(server.client.get(f"/invitations/{second['code']}"), 404, "invitation_not_found")
    check_problem(guest.post(f"/invitations/{second['code']}/accept"), 404, "invitation_not_found")


def test_an_invitation_of_another_event_is_not_revoked(server: Server, host: User) -> None:
    mine, theirs = (f"/events/{user.create_event()['id']}" for user in (host, server.sign_up()))
    invitation = invite(host, mine)
    other = host.create_event()["id"]
    check_problem(host.delete(f"/events/{other}/invitations/{invitation['id']}"), 404, "invitation_not_found")
    check_problem(host.delete(f"{theirs}/invitations/{invitation['id']}"), 403, "forbidden")
    assert uses(host, mine) == [0]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"max_uses": 0}, "out_of_range"),
        ({"max_uses": "1"}, "wrong_type"),
        ({"expires_at": "2027-02-01T12:00:00"}, "time_without_offset"),
        ({"uses": 1}, "unknown_field"),
    ],
)
def test_limits_are_checked(host: User, body: dict[str, Any], code: str) -> None:
    url = f"/events/{host.create_event()['id']}"
    problem = check_problem(host.post(f"{url}/invitations", json=body), 422)
    assert [error["code"] for error in problem["errors"]] == [code]


def test_a_code_shows_a_private_event_under_its_route_only(server: Server, host: User, guest: User) -> None:
    url, code = private(host)
    shown = server.client.get(code)
    assert shown.status_code == 200
    event = host.get(url).json() | {"role": None}
    assert shown.json() == {name: value for name, value in event.items() if name != "metadata"}
    assert server.client.get(code, headers={"If-None-Match": shown.headers["etag"]}).status_code == 304
    assert server.client.head(code).status_code == 200
    assert guest.get(code).json()["role"] is None
    assert host.get(code).json() == host.get(url).json()
    for path in (url, f"{url}/participants", f"{url}/card", f"{url}/hosts"):
        check_problem(guest.get(path), 404, "event_not_found")
    check_problem(guest.post(f"{url}/register"), 404, "event_not_found")
    assert guest.get("/events").json()["events"] == server.client.get("/events").json()["events"]

    assert guest.post(f"{code}/accept").status_code == 201
    assert guest.get(url).json()["role"] == guest.get(code).json()["role"] == "participant"
    check_problem(server.client.get(f"/invitations/{'1' * 22}"), 404, "invitation_not_found")


def test_accepting_registers_with_the_party(host: User, guest: User) -> None:
    url, code = private(host, max_guests=2, capacity=3)
    made = guest.post(f"{code}/accept", json={"guests": 2, "guest_names": ["Борис"]})
    assert made.status_code == 201
    assert made.json() == guest.get(f"{url}/participants/me").json()
    assert (made.json()["status"], made.json()["guests"], made.json()["approved"]) == ("registered", 2, True)
    assert made.headers["etag"] == guest.get(f"{url}/participants/me").headers["etag"]
    assert uses(host, url) == [1]


def test_who_is_registered_gets_that_and_uses_nothing(server: Server, host: User, guest: User) -> None:
    url = f"/events/{host.create_event(visibility='private')['id']}"
    code = f"/invitations/{invite(host, url, max_uses=1)['code']}"
    made = guest.post(f"{code}/accept")
    again = guest.post(f"{code}/accept", json={"guests": 0})
    assert (made.status_code, again.status_code, again.json()) == (201, 200, made.json())
    assert guest.get(code).status_code == 200
    assert uses(host, url) == [1]
    other = server.sign_up()
    check_problem(other.post(f"{code}/accept"), 404, "invitation_not_found")
    check_problem(other.get(code), 404, "invitation_not_found")
    check_problem(server.client.get(code), 404, "invitation_not_found")


def test_an_invitation_passes_the_approval(server: Server, host: User, guest: User) -> None:
    url, code = private(host, approval_required=True, capacity=1)
    assert guest.post(f"{code}/accept").json()["status"] == "registered"
    waiting = server.sign_up().post(f"{code}/accept").json()
    assert (waiting["status"], waiting["approved"], waiting["waitlist_position"]) == ("waitlisted", True, 1)
    assert uses(host, url) == [2]


@pytest.mark.parametrize(("capacity", "status", "kind"), [(2, "registered", "promoted"), (1, "waitlisted", "updated")])
def test_who_is_pending_is_approved(
    server: Server, host: User, guest: User, capacity: int, status: str, kind: str
) -> None:
    url = f"/events/{host.create_event(approval_required=True, capacity=capacity)['id']}"
    host.post(f"{url}/register")
    assert guest.post(f"{url}/register").json()["approved"] is False
    code = f"/invitations/{invite(host, url, max_uses=1)['code']}"
    approved = guest.post(f"{code}/accept")
    assert (approved.status_code, approved.json()["status"], approved.json()["approved"]) == (200, status, True)
    assert uses(host, url) == [1]
    change = guest.get("/changes?limit=1000").json()["changes"][-1]
    assert (change["type"], change["user_id"]) == (f"registration.{kind}", guest.id)
    assert change["data"] == {"status": status, "previous_status": "waitlisted", "guests": 0, "by": "self"}

    late = server.sign_up()
    late.post(f"{url}/register")
    check_problem(late.post(f"{code}/accept"), 404, "invitation_not_found")
    assert late.get(f"{url}/participants/me").json()["approved"] is False


def test_an_expired_code_is_not_found_by_anybody(fresh_server: Server) -> None:
    host, guest = fresh_server.sign_up(), fresh_server.sign_up()
    url = f"/events/{host.create_event()['id']}"
    code = f"/invitations/{invite(host, url, expires_at='2027-01-01T12:00:01Z')['code']}"
    assert guest.get(code).status_code == 200
    fresh_server.clock.advance(seconds=1)
    for answer in (guest.get(code), host.get(code), fresh_server.client.get(code), guest.post(f"{code}/accept")):
        check_problem(answer, 404, "invitation_not_found")
    assert [invitation["uses"] for invitation in host.get(f"{url}/invitations").json()["invitations"]] == [0]
    past = invite(host, url, expires_at="2020-01-01T00:00:00Z")
    check_problem(guest.get(f"/invitations/{past['code']}"), 404, "invitation_not_found")


REFUSALS: dict[str, tuple[dict[str, Any], dict[str, Any], int, str]] = {
    "over": ({"start_time": "2026-01-01T10:00:00Z", "end_time": "2026-01-01T12:00:00Z"}, {}, 409, "event_over"),
    "draft": ({"status": "draft"}, {}, 409, "event_not_open"),
    "not open": ({"registration_opens_at": "2027-06-01T00:00:00Z"}, {}, 409, "registration_not_open"),
    "closed": ({"registration_closes_at": "2026-06-01T00:00:00Z"}, {}, 409, "registration_closed"),
    "many guests": ({"max_guests": 1}, {"guests": 2}, 422, "validation_failed"),
    "full": ({"capacity": 1, "waitlist": False, "max_guests": 1}, {"guests": 1}, 409, "event_full"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_uses_nothing_up(host: User, guest: User, name: str) -> None:
    fields, body, status, code = REFUSALS[name]
    url, invitation = private(host, **fields)
    check_problem(guest.post(f"{invitation}/accept", json=body), status, code)
    assert uses(host, url) == [0]
    check_problem(guest.get(url), 404, "event_not_found")


def test_an_invitation_to_a_cancelled_event_is_refused(host: User, guest: User) -> None:
    url, code = private(host)
    host.post(f"{url}/cancel")
    assert guest.get(code).json()["status"] == "cancelled"
    for body in ({}, {"answer": "maybe"}, {"answer": "declined"}):
        check_problem(guest.post(f"{code}/accept", json=body), 409, "event_cancelled")
    assert uses(host, url) == [0]


def test_a_blocked_user_may_decline_only(host: User, guest: User) -> None:
    url, code = private(host)
    assert host.put(f"/users/me/blocks/{guest.id}").status_code == 201
    for body in ({}, {"answer": "maybe"}):
        check_problem(guest.post(f"{code}/accept", json=body), 403, "blocked")
    assert uses(host, url) == [0]
    assert guest.post(f"{code}/accept", json={"answer": "declined"}).status_code == 200


def test_a_block_and_the_window_stop_the_approval_of_who_is_pending(server: Server, host: User) -> None:
    pending, blocked = server.sign_up(), server.sign_up()
    url = f"/events/{host.create_event(approval_required=True)['id']}"
    code = f"/invitations/{invite(host, url)['code']}"
    for user in (pending, blocked):
        user.post(f"{url}/register")
    assert host.put(f"/users/me/blocks/{blocked.id}").status_code == 201
    check_problem(blocked.post(f"{code}/accept"), 403, "blocked")
    host.patch(url, json={"registration_closes_at": "2026-06-01T00:00:00Z"})
    check_problem(pending.post(f"{code}/accept"), 409, "registration_closed")
    assert uses(host, url) == [0]
    assert host.get(url).json()["pending_count"] == 2


def test_who_left_comes_back_without_a_code_and_who_was_removed_needs_one(host: User, guest: User) -> None:
    url, code = private(host)
    guest.post(f"{code}/accept")
    guest.delete(f"{url}/register")
    assert guest.get(url).json()["role"] is None
    assert guest.post(f"{url}/register").status_code == 201
    host.delete(f"{url}/participants/{guest.id}")
    for response in (guest.get(url), guest.post(f"{url}/register")):
        check_problem(response, 404, "event_not_found")
    assert guest.post(f"{code}/accept").status_code == 201
    assert uses(host, url) == [2]


@pytest.mark.parametrize("answer", ["maybe", "declined"])
def test_an_answer_instead_of_a_registration(host: User, guest: User, answer: str) -> None:
    url, code = private(host, registration_closes_at="2026-06-01T00:00:00Z", capacity=9)
    given = guest.post(f"{code}/accept", json={"answer": answer})
    assert given.status_code == 200
    zero = {"registered": 0, "waitlisted": 0, "maybe": 0, "declined": 0, "capacity": 9}
    assert given.json() == {
        "event_id": url.removeprefix("/events/"),
        "user_id": guest.id,
        "answer": answer,
        "answered_at": "2027-01-01T12:00:00Z",
        "registration": None,
        "counts": zero | {answer: 1},
        "card_etag": given.json()["card_etag"],
    }
    assert given.headers["ETag"] == guest.get(f"{url}/rsvp").headers["ETag"]
    again = guest.post(f"{code}/accept", json={"answer": answer})
    assert (again.status_code, again.json()) == (200, given.json())
    assert uses(host, url) == [1]
    assert (guest.get(url).json()["role"], guest.get(url).json()[f"{answer}_count"]) == (None, 1)
    told = [change for change in guest.get("/changes?limit=1000").json()["changes"] if change["user_id"] == guest.id]
    assert told[-1]["type"] == "rsvp.updated"
    assert told[-1]["data"] == {"answer": answer, "previous_answer": None}


def test_an_answer_gives_up_the_seat(server: Server, host: User, guest: User) -> None:
    url, code = private(host, capacity=1)
    for user in (guest, waiting := server.sign_up()):
        user.post(f"{code}/accept")
    answer = guest.post(f"{code}/accept", json={"answer": "maybe"}).json()
    assert answer["counts"] == {"registered": 1, "waitlisted": 0, "maybe": 1, "declined": 0, "capacity": 1}
    assert waiting.get(f"{url}/participants/me").json()["status"] == "registered"
    assert guest.get(f"{url}/participants/me").json()["status"] == "cancelled"
    assert guest.post(f"{code}/accept").json()["status"] == "waitlisted"
    event = host.get(url).json()
    assert (event["registered_count"], event["waitlisted_count"], event["maybe_count"]) == (1, 1, 0)


def test_who_is_checked_in_gives_no_other_answer(host: User, guest: User) -> None:
    url, code = private(host)
    guest.post(f"{code}/accept")
    host.patch(f"{url}/participants/{guest.id}", json={"status": "attended"})
    check_problem(guest.post(f"{code}/accept", json={"answer": "declined"}), 409, "already_attended")


def test_an_answer_allows_no_guests(host: User, guest: User) -> None:
    _, code = private(host, max_guests=5)
    for body in ({"answer": "maybe", "guests": 1}, {"answer": "maybe", "guest_names": ["Борис"]}, {"answer": "going"}):
        check_problem(guest.post(f"{code}/accept", json=body), 422)


def test_the_last_use_is_not_lost_by_who_used_it(server: Server, host: User, guest: User) -> None:
    url = f"/events/{host.create_event(visibility='private')['id']}"
    code = f"/invitations/{invite(host, url, max_uses=1)['code']}"
    assert guest.post(f"{code}/accept", json={"answer": "maybe"}).status_code == 200
    assert guest.get(code).status_code == 200
    assert guest.post(f"{code}/accept", json={"answer": "declined"}).status_code == 200
    assert guest.post(f"{code}/accept").status_code == 201
    assert guest.post(f"{code}/accept", json={"answer": "maybe"}).status_code == 200
    check_problem(server.sign_up().post(f"{code}/accept", json={"answer": "maybe"}), 404, "invitation_not_found")
    host.patch(url, json={"approval_required": True})
    check_problem(guest.post(f"{code}/accept"), 404, "invitation_not_found")
    assert uses(host, url) == [1]


def test_invitations_end_with_their_event(server: Server, host: User) -> None:
    url, code = private(host)
    assert host.delete(url).status_code == 200
    check_problem(server.client.get(code), 404, "invitation_not_found")
    _, code = private(host)
    assert host.delete("/users/me").status_code == 200
    check_problem(server.client.get(code), 404, "invitation_not_found")


def test_a_replay_shows_nothing_to_who_was_removed(host: User, guest: User) -> None:
    url, code = private(host)
    for body in ({}, {"answer": "maybe"}):
        key = {"Idempotency-Key": str(body)}
        first = guest.post(f"{code}/accept", json=body, headers=key)
        again = guest.post(f"{code}/accept", json=body, headers=key)
        assert again.headers["idempotency-replayed"] == "true"
        assert (again.status_code, again.content) == (first.status_code, first.content)
    guest.post(f"{code}/accept")
    host.delete(f"{url}/participants/{guest.id}")
    check_problem(guest.post(f"{code}/accept", json={}, headers={"Idempotency-Key": "{}"}), 404, "event_not_found")


def race(server: Server) -> Counter[int]:
    """Counts the statuses of 20 people who accept an invitation for three at once."""
    host, people = server.sign_up(), [server.sign_up() for _ in range(CLIENTS)]
    url = f"/events/{host.create_event(visibility='private')['id']}"
    code = invite(host, url, max_uses=USES)["code"]
    answers: list[httpx.Response] = at_once(server, people, "POST", f"/invitations/{code}/accept")
    assert uses(host, url) == [USES]
    assert host.get(url).json()["registered_count"] == USES
    return Counter(answer.status_code for answer in answers)


def test_an_invitation_for_three_lets_three_of_twenty_in(server: Server) -> None:
    assert race(server) == {201: USES, 404: CLIENTS - USES}


def test_control_without_the_guard_the_invitation_lets_more_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Unguarded(Statements):
        def __init__(self, folder: Path) -> None:
            super().__init__(folder)
            guard = "\n    AND (max_uses IS NULL OR uses < max_uses)"
            assert guard in self.use_invitation.sql
            loose = self.use_invitation.sql.replace(guard, "").replace("uses + 1", "min(uses + 1, max_uses)")
            self._by_name["use_invitation"] = structs.replace(self.use_invitation, sql=loose)

    monkeypatch.setattr(core, "Statements", Unguarded)
    with (
        running(Settings(plugins="none", database=str(tmp_path / "eventorg.db"), log_level="error")) as server,
        pytest.raises(AssertionError, match=f"{CLIENTS} == {USES}"),
    ):
        race(server)
