"""Copies of events: what they take over, who may make them, and their limits."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eventorg.domain.events import SETTINGS
from eventorg.domain.hosts import MAX_PENDING_OF_ONE_HOST
from eventorg.settings import Settings
from eventorg.testing import Server, User, check_problem, running
from tests.api.attendance import register

START = "2101-01-01T10:00:00Z"
TIMES = ("start_time", "end_time", "registration_opens_at", "registration_closes_at")
FULL = {
    "title": "Tea", "description": "Bring cake", "location": "Here", "timezone": "Europe/Berlin", "capacity": 1,
    "waitlist": False, "visibility": "unlisted", "max_guests": 2, "approval_required": True,
    "registration_opens_at": "2000-01-01T10:00:00Z", "registration_closes_at": "2099-12-31T10:00:00Z",
    "participants_visibility": "hosts", "metadata": {"chat_id": "-1001"},
}  # fmt: skip


def hosts_of(url: str, viewer: User) -> list[tuple[str, str]]:
    return [(host["user_id"], host["role"]) for host in viewer.get(f"{url}/hosts").json()["hosts"]]


def copy(caller: User, event: dict[str, Any], **fields: Any) -> dict[str, Any]:
    response = caller.post(f"/events/{event['id']}/copy", json={"start_time": START} | fields)
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


def test_a_copy_has_the_settings_and_nobody_registered(server: Server, host: User) -> None:
    event = host.create_event(**FULL | {"approval_required": False})
    register(f"/events/{event['id']}", host)
    event = host.patch(f"/events/{event['id']}", json={"approval_required": True}).json()
    response = host.post(f"/events/{event['code']}/copy", json={"start_time": START})
    made = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"/events/{made['id']}"
    shown = host.get(f"/events/{made['id']}")
    assert (shown.json(), shown.headers["etag"]) == (made, response.headers["etag"])
    same = set(SETTINGS) - set(TIMES) | {"metadata", "role", "organizer_id"}
    assert {name: made[name] for name in same} == {name: event[name] for name in same}
    assert made["id"] != event["id"]
    assert made["code"] != event["code"]
    counts = ("registered_count", "waitlisted_count", "pending_count", "maybe_count", "declined_count")
    assert ([made[name] for name in counts], made["version"]) == ([0] * 5, 1)
    assert [made[name] for name in TIMES] == [
        START, "2101-01-01T12:00:00Z", "2000-12-31T10:00:00Z", "2100-12-31T10:00:00Z"
    ]  # fmt: skip
    assert host.get(f"/events/{made['id']}/participants").json()["participants"] == []
    assert host.get(f"/events/{event['id']}").json() == event, "the original stays as it is"


def test_fields_that_are_sent_replace_those_of_the_original(host: User) -> None:
    event = host.create_event(**FULL)
    sent = {
        "title": "Coffee", "description": None, "location": None, "timezone": "Asia/Tokyo", "capacity": None,
        "waitlist": True, "visibility": "public", "status": "draft", "end_time": "2101-01-01T11:00:00Z",
        "max_guests": 0, "approval_required": False, "registration_opens_at": None, "registration_closes_at": None,
        "participants_visibility": "everyone",
    }  # fmt: skip
    made = copy(host, event, **sent, metadata={"chat_id": None, "new": "1"})
    assert {name: made[name] for name in sent} == sent
    assert made["metadata"] == {"new": "1"}
    assert host.get(f"/events/{event['id']}").json()["metadata"] == FULL["metadata"]
    assert copy(host, made)["status"] == "published"
    host.post(f"/events/{event['id']}/cancel")
    assert copy(host, event)["status"] == "published"


def test_a_copy_is_found_by_its_own_words_and_by_metadata(server: Server, host: User) -> None:
    bot = server.make_bot("act")
    event = bot.acting_for(host.id).create_event(title=f"Tea {host.id}", metadata={"mine": host.id})
    made = copy(host, event, title=f"Coffee {host.id}")
    assert [one["id"] for one in host.get(f"/events?q=coffee {host.id}").json()["events"]] == [made["id"]]
    found = bot.get(f"/events?metadata.mine={host.id}").json()["events"]
    assert [one["id"] for one in found] == [event["id"], made["id"]], "the bot that tagged the original tagged the copy"


def test_the_hosts_come_along(server: Server, host: User, guests: Callable[[int], list[User]]) -> None:
    one, other = guests(2)
    event = host.create_event()
    url = f"/events/{event['id']}"
    for user in (one, other):
        assert host.post(f"{url}/hosts", json={"user_id": user.id}).status_code == 201
    first = f"/events/{copy(host, event)['id']}"
    assert hosts_of(first, host)[0] == (host.id, "organizer")
    assert set(hosts_of(first, host)[1:]) == {(one.id, "host"), (other.id, "host")}
    made = copy(one, event)
    assert (made["organizer_id"], made["role"]) == (one.id, "organizer")
    assert set(hosts_of(f"/events/{made['id']}", one)[1:]) == {(host.id, "host"), (other.id, "host")}
    assert hosts_of(url, host)[0] == (host.id, "organizer")
    assert one.delete(f"/events/{made['id']}").status_code == 200
    check_problem(host.get(f"/events/{made['id']}"), 404)


def test_an_account_that_is_deleted_does_not_come_along(server: Server, host: User) -> None:
    gone, event = server.sign_up(), host.create_event()
    host.post(f"/events/{event['id']}/hosts", json={"user_id": gone.id})
    assert gone.delete("/users/me").status_code == 200
    assert hosts_of(f"/events/{copy(host, event)['id']}", host) == [(host.id, "organizer")]


def test_nobody_becomes_a_co_host_of_someone_whom_they_block(
    server: Server, host: User, guests: Callable[[int], list[User]]
) -> None:
    blocking, blocked, neither = guests(3)
    event = host.create_event()
    for user in (blocking, blocked, neither):
        assert host.post(f"/events/{event['id']}/hosts", json={"user_id": user.id}).status_code == 201
    assert blocking.put(f"/users/me/blocks/{host.id}").is_success
    assert host.put(f"/users/me/blocks/{blocked.id}").is_success
    expected = [(host.id, "organizer"), (neither.id, "host")]
    assert hosts_of(f"/events/{copy(host, event)['id']}", host) == expected
    made = copy(blocking, event)
    assert set(hosts_of(f"/events/{made['id']}", blocking)[1:]) == {(blocked.id, "host"), (neither.id, "host")}


def test_the_change_names_the_original_and_each_new_host(server: Server, host: User) -> None:
    cohost = server.sign_up()
    event = host.create_event()
    host.post(f"/events/{event['id']}/hosts", json={"user_id": cohost.id})
    seq = host.get("/events").json()["as_of"]
    made = copy(cohost, event)
    expected = [
        ("event.created", made["id"], cohost.id, {"copied_from": event["id"]}),
        ("event.updated", made["id"], host.id, {"changed": ["hosts"]}),
    ]
    for viewer in (host, cohost):
        changes = viewer.get(f"/changes?after={seq}").json()["changes"]
        assert [
            tuple(change[name] for name in ("type", "event_id", "user_id", "data")) for change in changes
        ] == expected


def test_only_hosts_copy(server: Server, host: User) -> None:
    guest = server.sign_up()
    event = host.create_event()
    url = f"/events/{event['id']}"
    register(url, guest)
    check_problem(guest.post(f"{url}/copy", json={"start_time": START}), 403, "forbidden")
    check_problem(server.client.post(f"{url}/copy", json={"start_time": START}), 401)
    check_problem(server.make_bot("act").post(f"{url}/copy", json={"start_time": START}), 403, "act_as_missing")
    host.patch(url, json={"visibility": "private"})
    check_problem(guest.post(f"{url}/copy", json={"start_time": START}), 403, "forbidden")
    check_problem(server.sign_up().post(f"{url}/copy", json={"start_time": START}), 404, "event_not_found")
    check_problem(host.post("/events/nothing/copy", json={"start_time": START}), 404, "event_not_found")


@pytest.mark.parametrize(
    ("body", "broken"),
    [
        ({}, [("start_time", "required")]),
        ({"start_time": None}, [("start_time", "wrong_type")]),
        ({"start_time": "2101-01-01T10:00:00"}, [("start_time", "time_without_offset")]),
        ({"start_time": "2200-12-31T23:00:00Z"}, [("end_time", "year_out_of_range")]),
        ({"start_time": START, "end_time": START}, [("end_time", "end_before_start")]),
        ({"start_time": START, "registration_closes_at": "2000-01-01T00:00:00Z"},
         [("registration_closes_at", "closes_before_opening")]),
        ({"start_time": START, "title": None}, [("title", "wrong_type")]),
        ({"start_time": START, "title": " "}, [("title", "too_short")]),
        ({"start_time": START, "metadata": None}, [("metadata", "wrong_type")]),
        ({"start_time": START, "metadata": {f"k{number}": "" for number in range(50)}}, [("metadata", "too_long")]),
        ({"start_time": START, "organizer_id": "x"}, [("organizer_id", "unknown_field")]),
        ({"start_time": START, "code": "x"}, [("code", "unknown_field")]),
    ],
)  # fmt: skip
def test_what_breaks_a_rule_is_refused_and_nothing_is_made(
    host: User, body: dict[str, Any], broken: list[tuple[str, str]]
) -> None:
    event = host.create_event(**FULL)
    problem = check_problem(host.post(f"/events/{event['id']}/copy", json=body), 422)
    assert [(fault["field"], fault["code"]) for fault in problem["errors"]] == broken
    assert len(host.get("/users/me/events").json()["organized_events"]) == 1


def test_a_copy_counts_as_an_event(tmp_path: Path) -> None:
    settings = Settings(plugins="none", database=str(tmp_path / "eventorg.db"), log_level="error", events_per_user=2)
    with running(settings) as server:
        host, cohost = server.sign_up(), server.sign_up()
        event = host.create_event()
        host.post(f"/events/{event['id']}/hosts", json={"user_id": cohost.id})
        copy(host, event)
        refused = host.post(f"/events/{event['id']}/copy", json={"start_time": START})
        check_problem(refused, 409, "too_many_events")
        copy(cohost, event)


def test_copies_give_no_more_roles_than_a_host_can_give(server: Server, host: User) -> None:
    """Someone who never asked to be a co-host is one of 20 events at most, also by copies."""
    idle, event = server.sign_up(), host.create_event()
    url = f"/events/{event['id']}"
    host.post(f"{url}/hosts", json={"user_id": idle.id})
    for _ in range(MAX_PENDING_OF_ONE_HOST - 1):
        copy(host, event)
    refused = host.post(f"{url}/copy", json={"start_time": START})
    check_problem(refused, 409, "too_many_pending_hosts")
    assert len(host.get("/users/me/events").json()["organized_events"]) == MAX_PENDING_OF_ONE_HOST
    idle.patch(url, json={"location": "Here"})  # an act of a host
    copy(host, event)


def test_a_repeated_request_makes_one_copy(server: Server, host: User) -> None:
    event = host.create_event(metadata={"a": "b"})
    sent = {"json": {"start_time": START}, "headers": {"Idempotency-Key": f"key-{host.id}"}}
    first, second = (host.post(f"/events/{event['id']}/copy", **sent) for _ in range(2))
    assert first.json() == second.json()
    assert (first.headers["location"], first.headers["etag"]) == (second.headers["location"], second.headers["etag"])
    assert second.headers["idempotency-replayed"] == "true"
    assert len(host.get("/users/me/events").json()["organized_events"]) == 2
    assert host.delete(f"/events/{first.json()['id']}").status_code == 200
    check_problem(host.post(f"/events/{event['id']}/copy", **sent), 404, "event_not_found")
