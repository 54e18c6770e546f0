"""The routes of hosts: who may, what is answered, and what is refused."""

import json
from typing import Any

import pytest

from eventorg.testing import Server, User, check_problem

from ..repository import MAX_PER_EVENT
from .hosting import add, log_of, paused_facts, state_of
from .receiver import Answer, Receiver

NOBODY = "0b9fdc1e-7f5c-4a55-9f0e-3c1d5d3a6f11"
ROUTES = {
    ("POST", ""): 201,
    ("GET", ""): 200,
    ("GET", "/{webhook}"): 200,
    ("GET", "/{webhook}/deliveries"): 200,
    ("POST", "/{webhook}/deliveries/{delivery}/replay"): 202,
    ("POST", "/{webhook}/enable"): 200,
    ("DELETE", "/{webhook}"): 204,
}
"""Every route below `/events/{event_id}/webhooks`, and what it answers a host."""


IMPOSSIBLE: list[tuple[dict[str, Any], str, str]] = [
    ({}, "url", "required"),
    ({"url": None}, "url", "wrong_type"),
    ({"url": 1}, "url", "wrong_type"),
    ({"url": "ftp://example.com"}, "url", "invalid"),
    ({"url": "http://user:password@example.com/"}, "url", "invalid"),
    ({"url": f"http://{'x' * 2000}"}, "url", "too_long"),
    ({"url": "http://127.0.0.1/", "types": []}, "types", "too_short"),
    ({"url": "http://127.0.0.1/", "types": None}, "types", "wrong_type"),
    ({"url": "http://127.0.0.1/", "types": ["event.*", "user.created"]}, "types", "invalid_choice"),
    ({"url": "http://127.0.0.1/", "types": ["event.born"]}, "types", "invalid_choice"),
    ({"url": "http://127.0.0.1/", "types": ["event.created.*"]}, "types", "invalid_choice"),
    ({"url": "http://127.0.0.1/", "types": ["event"]}, "types", "invalid_choice"),
    ({"url": "http://127.0.0.1/", "types": [""]}, "types", "invalid_choice"),
    ({"url": "http://127.0.0.1/", "secret": "mine"}, "secret", "unknown_field"),
]
"""Bodies, and the field and the code of what is wrong with each."""


def test_every_route_has_a_row_here(eventorg: Server) -> None:
    prefix = "/events/{event_id}/webhooks"
    paths = eventorg.client.get("/openapi.json").json()["paths"]
    found = {
        (method.upper(), path.removeprefix(prefix).replace("_id}", "}"))
        for path, item in paths.items()
        if path.startswith(prefix)
        for method, operation in item.items()
        if operation["tags"] == ["webhooks"]
    }
    assert found == ROUTES.keys()


def test_hosts_alone_have_to_do_with_webhooks(eventorg: Server, host: User, receiver: Receiver) -> None:
    """The caller, and what each route answers: the organizer's and a co-host's own answer for hosts."""
    cohost, guest, stranger = (eventorg.sign_up() for _ in range(3))
    bot = eventorg.make_bot("act").acting_for(host.id)
    for visibility, to_stranger in (("public", 403), ("private", 404)):
        event = host.create_event(visibility="public")
        host.post(f"/events/{event['id']}/hosts", json={"user_id": cohost.id})
        guest.post(f"/events/{event['id']}/register")
        host.patch(f"/events/{event['id']}", json={"visibility": visibility})
        for caller, status in ((guest, 403), (stranger, to_stranger), (host, None), (cohost, None), (bot, None)):
            webhook = add(host, event, receiver.url)
            host.patch(f"/events/{event['id']}", json={"title": f"{visibility} {webhook['id']}"})
            delivery = eventorg.wait_for(lambda webhook=webhook: log_of(host, webhook))[0]  # type: ignore[misc]
            for (method, path), granted in ROUTES.items():
                url = f"/events/{event['id']}/webhooks" + path.format(webhook=webhook["id"], delivery=delivery["id"])
                body: Any = {"json": {"url": receiver.url}} if (method, path) == ("POST", "") else {}
                assert eventorg.client.request(method, url, **body).status_code == 401
                answer = getattr(caller, method.lower())(url, **body)
                assert answer.status_code == (status or granted), (method, path, answer.text)


def test_a_webhook_belongs_to_its_event(eventorg: Server, host: User, receiver: Receiver) -> None:
    event, other = host.create_event(), host.create_event()
    webhook = add(host, event, receiver.url)
    host.patch(f"/events/{event['id']}", json={"title": "new"})
    delivery = eventorg.wait_for(lambda: log_of(host, webhook))[0]
    twin = add(host, event, receiver.url)
    for path in (f"{other['id']}/webhooks/{webhook['id']}", f"{event['id']}/webhooks/{NOBODY}"):
        for method, rest in (("GET", ""), ("GET", "/deliveries"), ("POST", "/enable"), ("DELETE", "")):
            check_problem(getattr(host, method.lower())(f"/events/{path}{rest}"), 404, "not_found")
    wrong = (NOBODY, delivery["id"].upper(), "1", "%00", "%FF", "x" * 5_000)
    for owner, message in ((twin["id"], delivery["id"]), *((webhook["id"], spelling) for spelling in wrong)):
        path = f"/events/{event['id']}/webhooks/{owner}/deliveries/{message}/replay"
        check_problem(host.post(path), 404, "not_found")


def test_the_secret_is_shown_once(host: User, receiver: Receiver) -> None:
    event = host.create_event()
    one, two = (add(host, event, receiver.url, "registration.*", "event.updated", "event.updated") for _ in range(2))
    assert one["secret"].startswith("whsec_")
    assert one["secret"] != two["secret"]
    assert one["types"] == ["event.updated", "registration.*"]
    listed = host.get(f"/events/{event['code']}/webhooks").json()
    shown = [{name: value for name, value in each.items() if name != "secret"} for each in (one, two)]
    assert listed["event_id"] == event["id"]
    assert sorted(listed["webhooks"], key=str) == sorted(shown, key=str)
    log = host.get(f"/events/{event['id']}/webhooks/{one['id']}/deliveries").text
    assert "whsec_" not in log


def test_a_new_webhook_comes_with_its_place_and_its_tag(host: User, receiver: Receiver) -> None:
    url = f"/events/{host.create_event()['id']}/webhooks"
    made = host.post(url, json={"url": receiver.url})
    url += f"/{made.json()['id']}"
    assert made.headers["location"] == url
    assert made.headers["etag"] == host.get(url).headers["etag"]
    assert host.delete(url, headers={"If-Match": made.headers["etag"]}).status_code == 204


def test_a_webhook_has_a_tag_that_guards_its_end(eventorg: Server, host: User, receiver: Receiver) -> None:
    receiver.answer = Answer(410)
    event = host.create_event()
    url = f"/events/{event['id']}/webhooks/{add(host, event, receiver.url)['id']}"
    read = host.get(url)
    tag = read.headers["etag"]
    assert read.json() == host.get(f"/events/{event['id']}/webhooks").json()["webhooks"][0]
    seen = host.get(url, headers={"If-None-Match": tag})
    assert (seen.status_code, seen.headers["etag"], seen.content) == (304, tag, b"")
    host.patch(f"/events/{event['id']}", json={"title": "new"})
    eventorg.wait_for(lambda: host.get(url).json()["disabled_at"])
    check_problem(host.delete(url, headers={"If-Match": tag}), 412, "version_mismatch")
    assert host.post(f"{url}/enable").headers["etag"] == host.get(url).headers["etag"]
    assert host.delete(url, headers={"If-Match": host.get(url).headers["etag"]}).status_code == 204
    check_problem(host.get(url), 404, "not_found")


def test_nothing_is_sent_again_to_a_webhook_that_is_off_or_gone(
    eventorg: Server, host: User, receiver: Receiver
) -> None:
    receiver.answer = Answer(410)
    event = host.create_event()
    webhook = add(host, event, receiver.url)
    url = f"/events/{event['id']}/webhooks/{webhook['id']}"
    host.patch(f"/events/{event['id']}", json={"title": "new"})
    eventorg.wait_for(lambda: host.get(url).json()["disabled_at"])
    again = f"{url}/deliveries/{log_of(host, webhook)[0]['id']}/replay"
    problem = check_problem(host.post(again, headers={"Accept-Language": "en"}), 409, "webhook_off")
    assert problem["detail"] == "The webhook is disabled. Enable it first."
    assert log_of(host, webhook)[0]["due_at"] is None
    host.delete(url)
    check_problem(host.post(again), 404, "not_found")


def test_a_request_of_a_former_co_host_is_not_answered_again(eventorg: Server, host: User, receiver: Receiver) -> None:
    cohost, event = eventorg.sign_up(), host.create_event()
    roles = f"/events/{event['id']}/hosts"
    assert host.post(roles, json={"user_id": cohost.id}).status_code == 201
    url, key = (
        f"/events/{event['id']}/webhooks/{add(host, event, receiver.url)['id']}/enable",
        {"Idempotency-Key": "on"},
    )
    assert [cohost.post(url, headers=key).status_code for _ in range(2)] == [200, 200]
    assert host.delete(f"{roles}/{cohost.id}").status_code == 200
    check_problem(cohost.post(url, headers=key), 403)


def test_a_request_that_is_sent_again_makes_one_webhook(host: User, receiver: Receiver) -> None:
    path, key = f"/events/{host.create_event()['id']}/webhooks", {"Idempotency-Key": "one"}
    first, second = (host.post(path, json={"url": receiver.url}, headers=key) for _ in range(2))
    assert first.json() == second.json()
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len(host.get(path).json()["webhooks"]) == 1


def test_webhooks_are_listed_page_by_page(eventorg: Server, host: User, receiver: Receiver) -> None:
    event = host.create_event()
    made = []
    for _ in range(3):
        made.append(add(host, event, receiver.url)["id"])
        eventorg.clock.advance(seconds=1)
    path = f"/events/{event['id']}/webhooks"
    first = host.get(path, params={"limit": 2}).json()
    assert list(first) == ["event_id", "webhooks", "next", "as_of"]
    second = host.get(path, params={"limit": 2, "cursor": first["next"]}).json()
    assert [each["id"] for page in (first, second) for each in page["webhooks"]] == made
    assert second["next"] is None
    assert host.get(path).json()["webhooks"] == first["webhooks"] + second["webhooks"]
    for query in ("limit=0", "limit=1001", "cursor=none"):
        check_problem(host.get(f"{path}?{query}"), 422)


def test_an_event_has_ten_webhooks_at_most(host: User, receiver: Receiver) -> None:
    event = host.create_event()
    webhooks = [add(host, event, receiver.url) for _ in range(MAX_PER_EVENT)]
    path = f"/events/{event['id']}/webhooks"
    full = check_problem(
        host.post(path, json={"url": receiver.url}, headers={"Accept-Language": "en"}), 409, "conflict"
    )
    assert full["detail"] == "The event already has 10 webhooks. Delete one first."
    host.delete(f"{path}/{webhooks[0]['id']}")
    add(host, event, receiver.url)


def test_impossible_webhooks(host: User) -> None:
    path = f"/events/{host.create_event()['id']}/webhooks"
    for body, field, code in IMPOSSIBLE:
        faults = check_problem(host.post(path, json=body), 422)["errors"]
        assert [(fault["field"], fault["code"]) for fault in faults] == [(field, code)], body


def test_the_log_is_walked_page_by_page_the_newest_first(eventorg: Server, host: User, receiver: Receiver) -> None:
    event = host.create_event()
    webhook = add(host, event, receiver.url)
    for number in range(5):
        host.patch(f"/events/{event['id']}", json={"title": f"title {number}"})
        eventorg.wait_for(lambda count=number + 1: len(receiver.received) == count)  # type: ignore[misc]
    path = f"/events/{event['id']}/webhooks/{webhook['id']}/deliveries"
    seqs, cursor = [], ""
    while cursor is not None:
        page = host.get(f"{path}?limit=2{cursor}").json()
        assert len(page["deliveries"]) <= 2
        seqs += [delivery["seq"] for delivery in page["deliveries"]]
        cursor = page["next"] and f"&cursor={page['next']}"
        host.patch(f"/events/{event['id']}", json={"title": f"more {len(seqs)}"})
    assert len(seqs) == 5
    assert seqs == sorted(seqs, reverse=True)
    for cursor in ("x", "LTE", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OQ", "ImEi"):
        check_problem(host.get(f"{path}?cursor={cursor}"), 422)


def test_who_is_no_host_any_more_is_not_told_any_more(eventorg: Server, host: User, receiver: Receiver) -> None:
    cohost = eventorg.sign_up()
    event = host.create_event()
    host.post(f"/events/{event['id']}/hosts", json={"user_id": cohost.id})
    add(cohost, event, f"{receiver.url}/theirs")
    add(host, event, f"{receiver.url}/mine")
    host.delete(f"/events/{event['id']}/hosts/{cohost.id}")
    host.patch(f"/events/{event['id']}", json={"title": "new"})
    eventorg.wait_for(lambda: len(receiver.at("/mine")) == 2)
    assert receiver.at("/theirs") == []
    assert len(host.get(f"/events/{event['id']}/webhooks").json()["webhooks"]) == 1


def test_a_removed_co_host_is_told_nothing_that_waits(
    eventorg: Server, host: User, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.answers["/theirs"] = Answer(500)
    cohost, event = eventorg.sign_up(), host.create_event()
    host.post(f"/events/{event['id']}/hosts", json={"user_id": cohost.id})
    theirs, mine = add(cohost, event, f"{receiver.url}/theirs"), add(host, event, f"{receiver.url}/mine")
    host.patch(f"/events/{event['id']}", json={"title": "new"})
    eventorg.wait_for(lambda: receiver.at("/mine") and log_of(host, theirs)[0]["attempts"])
    with paused_facts(monkeypatch):  # the plugin does not know of the removal yet
        host.delete(f"/events/{event['id']}/hosts/{cohost.id}")
        told = len(receiver.at("/theirs"))
        eventorg.clock.advance(seconds=10)  # the message is due again
        again = f"/events/{event['id']}/webhooks/{mine['id']}/deliveries/{log_of(host, mine)[0]['id']}/replay"
        for sent in (2, 3):  # the second time, the sender has looked for messages of both
            host.post(again)
            eventorg.wait_for(lambda sent=sent: len(receiver.at("/mine")) == sent)  # type: ignore[misc]
        assert len(receiver.at("/theirs")) == told
    eventorg.wait_for(lambda: len(host.get(f"/events/{event['id']}/webhooks").json()["webhooks"]) == 1)


def test_a_webhook_ends_with_the_account_of_its_creator(eventorg: Server, host: User, receiver: Receiver) -> None:
    cohost, event = eventorg.sign_up(), host.create_event()
    host.post(f"/events/{event['id']}/hosts", json={"user_id": cohost.id})
    cohost.patch(f"/events/{event['id']}", json={"title": "mine too"})  # so that it takes the event over
    add(host, event, f"{receiver.url}/gone")
    stays = add(cohost, event, f"{receiver.url}/stays", "event.cancelled")
    host.delete("/users/me")
    eventorg.wait_for(lambda: len(cohost.get(f"/events/{event['id']}/webhooks").json()["webhooks"]) == 1)
    cohost.post(f"/events/{event['id']}/cancel")
    eventorg.wait_for(lambda: receiver.received)
    assert state_of(cohost, stays)["disabled_at"] is None
    assert receiver.at("/gone") == []


def test_hosts_of_a_deleted_event_are_told_so_unless_their_account_is_gone(
    eventorg: Server, host: User, receiver: Receiver
) -> None:
    cohost, event = eventorg.sign_up(), host.create_event()
    host.post(f"/events/{event['id']}/hosts", json={"user_id": cohost.id})
    add(host, event, f"{receiver.url}/gone")
    add(cohost, event, f"{receiver.url}/stays")
    host.delete("/users/me")
    eventorg.wait_for(lambda: receiver.at("/stays"))
    assert json.loads(receiver.at("/stays")[0].body)["type"] == "event.deleted"
    assert receiver.at("/gone") == []


def test_what_was_not_delivered_goes_with_the_webhook(eventorg: Server, host: User, receiver: Receiver) -> None:
    receiver.answer = Answer(500)
    event = host.create_event()
    webhook, other = add(host, event, receiver.url), add(host, event, f"{receiver.url}/other")
    host.patch(f"/events/{event['id']}", json={"title": "new"})
    eventorg.wait_for(lambda: len(receiver.received) == 2 and log_of(host, webhook)[0]["attempts"])
    host.delete(f"/events/{event['id']}/webhooks/{webhook['id']}")
    eventorg.clock.advance(seconds=6)
    eventorg.wait_for(lambda: log_of(host, other)[0]["attempts"] == 2)
    assert len(receiver.at("/")) == 1
