"""Answers: going, maybe and declined in one idempotent call, withdrawals, "+1" buttons, and the list."""

from typing import Any

import httpx
import pytest

from eventorg.storage.invariants import find_miscounts
from eventorg.testing import Bot, Server, User, check_problem

Step = tuple[str, str | None, dict[str, Any]]


@pytest.fixture
def host(server: Server) -> User:
    return server.sign_up()


@pytest.fixture
def guest(server: Server) -> User:
    return server.sign_up()


@pytest.fixture(scope="module")
def reader(server: Server) -> Bot:
    return server.make_bot("changes")


class Tape:
    """The changes since the last look, without those of users."""

    def __init__(self, reader: Bot) -> None:
        self._reader = reader
        self()

    def __call__(self) -> list[Step]:
        after = getattr(self, "_after", None) or self._reader.get("/changes?after=latest").json()["next"]
        page = self._reader.get("/changes", params={"after": after, "limit": 1000}).json()
        self._after = page["next"]
        return [
            (change["type"], change["user_id"], change["data"])
            for change in page["changes"]
            if change["type"].startswith(("registration.", "rsvp."))
        ]


@pytest.fixture
def tape(reader: Bot) -> Tape:
    return Tape(reader)


def make(host: User, **fields: Any) -> str:
    return f"/events/{host.create_event(**{'max_guests': 5} | fields)['id']}"


def put(user: User, url: str, answer: str, **fields: Any) -> httpx.Response:
    response: httpx.Response = user.put(f"{url}/rsvp", json={"answer": answer} | fields)
    return response


def given(user: User, url: str, answer: str, **fields: Any) -> dict[str, Any]:
    response = put(user, url, answer, **fields)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def add(user: User, url: str, delta: int) -> httpx.Response:
    response: httpx.Response = user.patch(f"{url}/rsvp", json={"guests_delta": delta})
    return response


def withdrawn(user: User, url: str) -> dict[str, Any]:
    response = user.delete(f"{url}/rsvp")
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def answered(answer: str | None, previous: str | None, user: User) -> Step:
    return "rsvp.updated", user.id, {"answer": answer, "previous_answer": previous}


def registered(kind: str, status: str, previous: str | None, user: User, guests: int = 0) -> Step:
    data = {"status": status, "previous_status": previous, "guests": guests, "by": "self"}
    return f"registration.{kind}", user.id, data


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


def pages(user: User, url: str, limit: int, **query: str) -> list[dict[str, Any]]:
    """Returns the rows of all pages of the list."""
    seen: list[dict[str, Any]] = []
    params: dict[str, Any] = {"limit": limit} | query
    while True:
        page = user.get(f"{url}/rsvps", params=params).json()
        assert len(page["rsvps"]) == limit or page["next"] is None
        seen += page["rsvps"]
        if page["next"] is None:
            return seen
        params["cursor"] = page["next"]


def test_the_list_shows_all_answers_in_order(server: Server, host: User) -> None:
    url = make(host, capacity=2, approval_required=True)
    answers = ["declined", "going", "maybe", "going", "maybe", "going"]
    people = [server.sign_up() for _ in answers]
    for user, answer in zip(people, answers, strict=True):
        given(user, url, answer)
    left = server.sign_up()
    given(left, url, "going")
    withdrawn(left, url)
    page = host.get(f"{url}/rsvps").json()
    assert list(page) == ["event_id", "rsvps", "next", "as_of"]
    assert (page["event_id"], page["next"]) == (url.removeprefix("/events/"), None)
    assert [each["answer"] for each in page["rsvps"]] == ["going"] * 3 + ["maybe"] * 2 + ["declined"]
    assert [each["user_id"] for each in page["rsvps"]][:3] == [people[n].id for n in (1, 3, 5)]
    assert {tuple(each) for each in page["rsvps"]} == {("user_id", "answer", "answered_at")}
    assert {each["user_id"]: each["answered_at"] for each in page["rsvps"]} == {
        user.id: user.get(f"{url}/rsvp").json()["answered_at"] for user in people
    }
    for limit in (1, 2, 3, 4, 5, 6):
        assert pages(host, url, limit=limit) == page["rsvps"]
    for answer in ("going", "maybe", "declined"):
        listed = [each for each in page["rsvps"] if each["answer"] == answer]
        assert pages(host, url, limit=1, answer=answer) == listed
    for query in ("answer=perhaps", "limit=0", "limit=1001", "cursor=x", "cursor=WyJhIiwiYiIsImMiXQ", "expand=x"):
        check_problem(host.get(f"{url}/rsvps?{query}"), 422, "validation_failed")


def test_the_list_has_names_if_asked_for(server: Server, host: User, guest: User) -> None:
    url = make(host)
    given(host, url, "going")
    given(guest, url, "maybe")
    named = host.get(f"{url}/rsvps?expand=user").json()["rsvps"]
    assert [each["user"]["username"] for each in named] == [user.account["username"] for user in (host, guest)]
    assert [{name: each[name] for name in ("user_id", "answer", "answered_at")} for each in named] == (
        host.get(f"{url}/rsvps").json()["rsvps"]
    )
    assert "telegram_id" in server.make_bot("act").get(f"{url}/rsvps?expand=user").json()["rsvps"][0]["user"]


@pytest.mark.parametrize(
    ("visibility", "stranger", "maybe", "participant", "bot"),
    [("everyone", 200, 200, 200, 200), ("participants", 403, 403, 200, 403), ("hosts", 403, 403, 403, 403)],
)
def test_names_travel_to_those_who_may_read_them(
    server: Server, host: User, guest: User, visibility: str, stranger: int, maybe: int, participant: int, bot: int
) -> None:
    url, undecided = make(host, participants_visibility=visibility), server.sign_up()
    given(guest, url, "going")
    given(undecided, url, "maybe")
    callers: dict[User | Bot, int] = {server.sign_up(): stranger, undecided: maybe, guest: participant}
    callers |= {host: 200, server.make_bot("deliver"): bot}
    for caller, status in callers.items():
        response = caller.get(f"{url}/rsvps")
        assert response.status_code == status
        if status == 403:
            check_problem(response, 403, "participants_hidden")
    assert undecided.get(f"{url}/rsvp").json()["counts"]["maybe"] == 1


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
