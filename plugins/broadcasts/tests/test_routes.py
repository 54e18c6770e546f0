"""Broadcasts as hosts write, read and stop them, and who may."""

from functools import partial
from typing import Any

import pytest

from eventorg.testing import Server, User, check_problem

from .scene import Scene

EN = {"Accept-Language": "en"}


def test_a_broadcast_is_answered_with_its_counts(scene: Scene) -> None:
    scene.guest("going")
    sent = scene.host.post(scene.path, json={"text": "  Hello,\nworld 🎉 "})
    assert sent.status_code == 202
    now = scene.clock.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    broadcast = sent.json()
    assert broadcast == {
        "id": broadcast["id"],
        "event_id": scene.event_id,
        "text": "Hello,\nworld 🎉",
        "to": ["registered", "waitlisted"],
        "send_at": now,
        "created_at": now,
        "created_by": scene.host.id,
        "recipients": 1,
        "waiting": 1,
        "sent": 0,
        "unreachable": 0,
        "failed": 0,
        "cancelled_at": None,
    }
    assert scene.get(broadcast) == broadcast
    assert scene.host.get(sent.headers["location"]).json() == broadcast
    code = scene.host.get(f"/events/{scene.event_id}").json()["code"]
    assert scene.host.get(f"/events/{code}/broadcasts/{broadcast['id']}").json() == broadcast
    (delivery,) = scene.lease()
    assert (delivery["kind"], delivery["text"]) == ("broadcasts.message", "Hello,\nworld 🎉")


INVALID: list[tuple[dict[str, Any], str, str]] = [
    ({}, "text", "required"),
    ({"text": " "}, "text", "too_short"),
    ({"text": "x" * 4001}, "text", "too_long"),
    ({"text": "🎉" * 2001}, "text", "too_long"),
    ({"text": "a\u0000b"}, "text", "control_character"),
    ({"text": 1}, "text", "wrong_type"),
    ({"text": "x", "to": []}, "to", "too_short"),
    ({"text": "x", "to": ["everybody"]}, "to[0]", "invalid_choice"),
    ({"text": "x", "to": "maybe"}, "to", "wrong_type"),
    ({"text": "x", "to": None}, "to", "wrong_type"),
    ({"text": "x", "send_at": "2027-09-15T08:00:00"}, "send_at", "time_without_offset"),
    ({"text": "x", "send_at": "soon"}, "send_at", "time_syntax"),
    ({"text": "x", "id": "1"}, "id", "unknown_field"),
]


@pytest.mark.parametrize(("body", "field", "code"), INVALID)
def test_a_broken_rule_is_422(scene: Scene, body: dict[str, Any], field: str, code: str) -> None:
    problem = check_problem(scene.host.post(scene.path, json=body), 422, "validation_failed")
    assert [(error["field"], error["code"]) for error in problem["errors"]] == [(field, code)]
    assert scene.host.get(scene.path).json()["broadcasts"] == []


def test_the_longest_text_arrives_unchanged(scene: Scene) -> None:
    scene.guest("going")
    for text in ("🎉" * 2000, "x" * 3999 + "\n" + "y"):
        check_problem(scene.host.post(scene.path, json={"text": text + "y" * 2}), 422)
        text = text[: len(text) - (1 if "y" in text else 0)].strip()
        scene.send(text)
        assert [delivery["text"] for delivery in scene.lease()] == [text]


def test_groups_are_answered_once_and_in_order(scene: Scene) -> None:
    assert scene.send(to=["declined", "maybe", "declined", "registered"])["to"] == ["registered", "maybe", "declined"]


def test_the_list_has_pages_newest_first(scene: Scene) -> None:
    made = [scene.send(str(number))["id"] for number in range(5)]
    other_id = scene.new_event()
    scene.host.post(f"/events/{other_id}/broadcasts", json={"text": "elsewhere"}).raise_for_status()
    listed = scene.host.get(scene.path).json()
    assert ([each["id"] for each in listed["broadcasts"]], listed["next"]) == (made[::-1], None)
    assert listed["as_of"] == scene.host.get("/changes?after=latest").json()["next"]
    seen, cursor = [], ""
    while cursor is not None:
        page = scene.host.get(f"{scene.path}?limit=2{cursor and '&cursor='}{cursor}").json()
        seen += [each["id"] for each in page["broadcasts"]]
        scene.send("meanwhile")
        cursor = page["next"]
    assert seen == made[::-1]
    check_problem(scene.host.get(f"{scene.path}?cursor=x"), 422)
    check_problem(scene.host.get(f"{scene.path}?limit=0"), 422)


def test_an_event_has_twenty_a_day(scene: Scene) -> None:
    first = scene.send()
    scene.host.delete(f"{scene.path}/{first['id']}").raise_for_status()
    scene.clock.advance(hours=1)
    for _ in range(19):
        scene.send()
    refused = scene.host.post(scene.path, json={"text": "more"}, headers=EN | {"Idempotency-Key": "1"})
    problem = check_problem(refused, 429, "too_many_broadcasts")
    assert problem["detail"] == "The event already has 20 broadcasts within 24 hours."
    assert refused.headers["retry-after"] == str(23 * 3600)
    assert scene.server.client.get(problem["type"]).status_code == 200
    scene.host.post(f"/events/{scene.new_event()}/broadcasts", json={"text": "elsewhere"}).raise_for_status()
    scene.clock.advance(hours=23)
    more = scene.host.post(scene.path, json={"text": "more"}, headers={"Idempotency-Key": "1"})
    assert more.status_code == 202
    check_problem(scene.host.post(scene.path, json={"text": "more"}), 429, "too_many_broadcasts")


def test_a_request_sent_twice_is_one_broadcast(scene: Scene) -> None:
    guest = scene.guest("going")
    answers = [scene.host.post(scene.path, json={"text": "x"}, headers={"Idempotency-Key": "1"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert scene.told() == [guest.id]
    co_host = scene.guest()
    scene.host.post(f"/events/{scene.event_id}/hosts", json={"user_id": co_host.id}).raise_for_status()
    key = {"Idempotency-Key": "2"}
    assert co_host.post(scene.path, json={"text": "x"}, headers=key).json()["created_by"] == co_host.id
    scene.host.delete(f"/events/{scene.event_id}/hosts/{co_host.id}").raise_for_status()
    check_problem(co_host.post(scene.path, json={"text": "x"}, headers=key), 403)


def test_the_tag_is_for_reading_and_the_version_for_stopping(scene: Scene) -> None:
    scene.guest("going")
    broadcast = scene.send()
    path = f"{scene.path}/{broadcast['id']}"
    tag = scene.host.get(path).headers["etag"]
    assert scene.host.get(path, headers={"If-None-Match": tag}).status_code == 304
    scene.told()
    assert scene.host.get(path, headers={"If-None-Match": tag}).json()["sent"] == 1
    check_problem(scene.host.delete(path, headers={"If-Match": '"2"'}), 412, "version_mismatch")
    check_problem(scene.host.delete(path, headers={"If-None-Match": tag}), 412, "version_mismatch")
    stopped = scene.host.delete(path, headers={"If-Match": tag})
    assert (stopped.status_code, stopped.headers["etag"]) == (200, scene.host.get(path).headers["etag"])
    check_problem(scene.host.delete(path, headers={"If-Match": tag}), 412, "version_mismatch")
    again = scene.host.delete(path)
    assert (again.status_code, again.json()) == (200, stopped.json())


TABLE = [
    # method, path, nobody, stranger, participant, co-host, organizer, idle bot, delivering bot, both for a user
    ("GET", "", 401, 403, 403, 200, 200, 403, 403, 403),
    ("POST", "", 401, 403, 403, 202, 202, 403, 403, 403),
    ("GET", "/{broadcast_id}", 401, 403, 403, 200, 200, 403, 403, 403),
    ("DELETE", "/{broadcast_id}", 401, 403, 403, 200, 200, 403, 403, 403),
]


def test_who_may_do_what(eventorg: Server) -> None:
    organizer, host, participant, stranger = (eventorg.sign_up() for _ in range(4))
    event = f"/events/{organizer.create_event()['id']}"
    assert organizer.post(f"{event}/hosts", json={"user_id": host.id}).status_code == 201
    assert participant.post(f"{event}/register").status_code == 201
    broadcast = organizer.post(f"{event}/broadcasts", json={"text": "x"}).json()
    callers: list[User] = [stranger, participant, host, organizer, eventorg.make_bot("act", "changes")]
    callers += [eventorg.make_bot("deliver"), eventorg.make_bot("act", "deliver").acting_for(stranger.id)]
    for method, rest, *expected in TABLE:
        url = f"{event}/broadcasts{rest.format(broadcast_id=broadcast['id'])}"
        send = partial(eventorg.client.request, method, url, json={"text": "x"} if method == "POST" else None)
        answers = [send(), *(send(headers=caller.headers) for caller in callers)]
        assert [answer.status_code for answer in answers] == expected, (method, rest)


def test_what_the_caller_may_not_know_of_is_not_found(scene: Scene) -> None:
    broadcast, stranger = scene.send(), scene.guest()
    for hidden in ({"visibility": "private"}, {"status": "draft"}):
        path = f"/events/{scene.new_event(**hidden)}/broadcasts"
        check_problem(stranger.get(path), 404, "event_not_found")
        check_problem(stranger.post(path, json={"text": "x"}), 404, "event_not_found")
        for broadcast_id in (broadcast["id"], "none"):  # of another event
            for method in ("GET", "DELETE"):
                answer = scene.server.client.request(method, f"{path}/{broadcast_id}", headers=scene.host.headers | EN)
                problem = check_problem(answer, 404, "broadcast_not_found")
                assert problem["detail"] == "The event has no such broadcast."
    assert scene.get(broadcast)["cancelled_at"] is None


def test_every_route_is_described(eventorg: Server) -> None:
    document = eventorg.client.get("/openapi.json").json()
    described = {
        (method.upper(), path): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if operation.get("tags") == ["broadcasts"]
    }
    base = "/events/{event_id}/broadcasts"
    assert described.keys() == {(method, f"{base}{rest}") for method, rest, *_ in TABLE}
    body = document["components"]["schemas"]["NewBroadcast"]
    assert (body["additionalProperties"], body["required"]) == (False, ["text"])
    assert body["properties"]["text"]["maxLength"] == 4000
