"""Messages: signed, sent once to those who want them, and what happens when the receiver does not take them."""

import json
import sys
import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec import structs
from standardwebhooks import Webhook

from eventorg.testing import Clock, Server, User, running

from ..repository import MAX_PER_EVENT
from ..sending import JITTER, LANE, SCHEDULE
from .hosting import add, log_of, paused_facts, state_of
from .receiver import Answer, Receiver

NOW = "2027-01-01T12:00:00Z"


def attempted(eventorg: Server, host: User, webhook: dict[str, Any]) -> dict[str, Any]:
    """The first delivery of a webhook that was tried."""
    return eventorg.wait_for(lambda: [each for each in log_of(host, webhook) if each["attempts"]])[0]


def test_a_change_is_told_by_the_rules_of_standard_webhooks(
    eventorg: Server, host: User, receiver: Receiver, receivers_clock: Clock
) -> None:
    event = host.create_event(title="Встреча")
    webhook = add(host, event, f"{receiver.url}/hook?a=b")
    guest = eventorg.sign_up()
    guest.post(f"/events/{event['id']}/register")

    message = eventorg.wait_for(lambda: receiver.received)[0]
    assert message.path == "/hook?a=b"
    assert message.headers["content-type"] == "application/json"
    told = Webhook(webhook["secret"]).verify(message.body, message.headers)
    assert told.keys() == {"type", "timestamp", "data"}
    assert (told["type"], told["timestamp"]) == ("registration.created", NOW)
    data = told["data"]
    assert (data["event_id"], data["user_id"]) == (event["id"], guest.id)
    assert (data["event"]["title"], data["event"]["registered_count"]) == ("Встреча", 1)
    assert data["seq"] == host.get("/changes").json()["changes"][-1]["seq"]

    delivery = eventorg.wait_for(lambda: [each for each in log_of(host, webhook) if each["status"] == "delivered"])[0]
    assert message.id == f"msg_{delivery['id']}"
    assert (delivery["type"], delivery["seq"], delivery["attempts"]) == (told["type"], data["seq"], 1)
    assert (delivery["response_status"], delivery["error"], delivery["due_at"]) == (204, None, None)


def test_a_webhook_is_told_what_it_wants_of_its_own_event_in_order(
    eventorg: Server, host: User, receiver: Receiver
) -> None:
    event, other = host.create_event(), host.create_event()
    add(host, event, f"{receiver.url}/updates", "event.updated")
    add(host, event, f"{receiver.url}/event", "event.*")
    for count, title in enumerate(("one", "two", "three"), 1):
        host.patch(f"/events/{event['id']}", json={"title": title})
        host.patch(f"/events/{other['id']}", json={"title": title})
        eventorg.wait_for(lambda count=count: len(receiver.received) == 2 * count)  # type: ignore[misc]
    eventorg.sign_up().post(f"/events/{event['id']}/register")
    host.post(f"/events/{event['id']}/cancel")
    host.delete(f"/events/{event['id']}")

    eventorg.wait_for(lambda: len(receiver.received) >= 8)
    told = [json.loads(message.body) for message in receiver.at("/event")]
    assert [each["type"] for each in told] == ["event.updated"] * 3 + ["event.cancelled", "event.deleted"]
    assert [each["data"]["seq"] for each in told] == sorted(each["data"]["seq"] for each in told)
    assert {each["data"]["event_id"] for each in told} == {event["id"]}
    assert "event" not in told[-1]["data"]
    assert len({message.id for message in receiver.received}) == 8
    assert len(receiver.at("/updates")) == 3


def test_many_edits_of_an_event_are_one_message(
    eventorg: Server, host: User, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    event, other = host.create_event(), host.create_event()
    webhook = add(host, event, receiver.url)
    with paused_facts(monkeypatch):
        for number in range(30):
            host.patch(f"/events/{event['id']}", json={"title": f"title {number}"})
            host.patch(f"/events/{other['id']}", json={"title": f"title {number}"})
            host.patch(f"/events/{event['id']}", json={"location": f"room {number}"})
        last_seq = host.get("/changes").json()["changes"][-1]["seq"]
    eventorg.sign_up().post(f"/events/{event['id']}/register")
    eventorg.wait_for(lambda: len(receiver.received) == 2)
    assert [delivery["seq"] for delivery in log_of(host, webhook)][1:] == [last_seq]
    told = json.loads(receiver.received[0].body)["data"]
    assert (told["seq"], told["data"]) == (last_seq, {"changed": ["title", "location"]})
    assert (told["event"]["title"], told["event"]["location"]) == ("title 29", "room 29")


def test_a_message_about_an_edit_replaces_those_that_wait(eventorg: Server, host: User, receiver: Receiver) -> None:
    receiver.answer = Answer(hangs=True)
    event = host.create_event()
    webhook = add(host, event, receiver.url)
    host.patch(f"/events/{event['id']}", json={"title": "sent"})
    eventorg.wait_for(lambda: receiver.received)
    guest = eventorg.sign_up()
    for fields in ({"title": "new"}, {"capacity": 3}, {"location": "room"}):
        host.patch(f"/events/{event['id']}", json=fields)
        guest.post(f"/events/{event['id']}/register")
        eventorg.wait_for(lambda: log_of(host, webhook)[0]["type"].startswith("registration"))
        guest.delete(f"/events/{event['id']}/register")
    seqs = [change["seq"] for change in host.get("/changes").json()["changes"] if change["type"] != "user.created"]
    eventorg.wait_for(lambda: log_of(host, webhook)[0]["seq"] == seqs[-1])
    assert [delivery["type"] for delivery in log_of(host, webhook)].count("event.updated") == 2
    receiver.answer = Answer(204)
    receiver.over.set()
    eventorg.wait_for(lambda: len(receiver.received) == 8)
    told = [json.loads(message.body)["data"] for message in receiver.received]
    assert [each["seq"] for each in told] == sorted(each["seq"] for each in told)
    assert [each["data"]["changed"] for each in told if "changed" in each["data"]] == [
        ["title"],
        ["title", "capacity", "location"],
    ]


def test_a_failed_message_is_retried_with_growing_pauses_and_then_given_up(
    eventorg: Server, host: User, receiver: Receiver, receivers_clock: Clock
) -> None:
    receiver.answer = Answer(500)
    event = host.create_event()
    webhook = add(host, event, receiver.url)
    host.patch(f"/events/{event['id']}", json={"title": "new"})

    for attempts, pause in enumerate(SCHEDULE, 1):
        delivery = eventorg.wait_for(lambda n=attempts: [d for d in log_of(host, webhook) if d["attempts"] == n])[0]  # type: ignore[misc]
        assert (delivery["status"], delivery["response_status"]) == ("pending", 500)
        waits = datetime.fromisoformat(delivery["due_at"]) - eventorg.clock.now
        assert pause - timedelta(seconds=1) < waits <= pause * (1 + JITTER), attempts
        eventorg.clock.now += waits
    eventorg.wait_for(lambda: log_of(host, webhook)[0]["status"] == "failed")
    assert log_of(host, webhook)[0]["attempts"] == len(receiver.received) == len(SCHEDULE) + 1

    assert len({(message.id, message.body) for message in receiver.received}) == 1
    assert len({message.headers["webhook-signature"] for message in receiver.received}) == len(SCHEDULE) + 1
    Webhook(webhook["secret"]).verify(receiver.received[-1].body, receiver.received[-1].headers)
    assert state_of(host, webhook)["failing_since"] == NOW
    assert state_of(host, webhook)["disabled_at"] is None


def test_a_receiver_that_comes_back_is_no_failing_one(eventorg: Server, host: User, receiver: Receiver) -> None:
    receiver.answer = Answer(503)
    event = host.create_event()
    webhook = add(host, event, receiver.url)
    host.patch(f"/events/{event['id']}", json={"title": "new"})
    eventorg.wait_for(lambda: state_of(host, webhook)["failing_since"])
    receiver.answer = Answer(200)
    eventorg.clock.advance(seconds=6)
    eventorg.wait_for(lambda: state_of(host, webhook)["failing_since"] is None)
    assert log_of(host, webhook)[0]["attempts"] == 2


def test_a_receiver_may_ask_for_a_longer_pause_within_reason(eventorg: Server, host: User, receiver: Receiver) -> None:
    for asked, seconds in (
        ("120", 120),
        ("Fri, 01 Jan 2027 13:00:00 GMT", 3600),
        ("99999999999", 86_400),
        ("1", 5),
        ("soon", 5),
        ("-7", 5),
    ):
        receiver.answer = Answer(429, {"Retry-After": asked})
        event = host.create_event()
        webhook = add(host, event, receiver.url)
        host.patch(f"/events/{event['id']}", json={"title": "new"})
        due_at = attempted(eventorg, host, webhook)["due_at"]
        waits = datetime.fromisoformat(due_at) - eventorg.clock.now
        assert seconds <= waits.total_seconds() <= seconds + 1, asked


def test_410_turns_a_webhook_off_until_a_host_turns_it_on(eventorg: Server, host: User, receiver: Receiver) -> None:
    receiver.answer = Answer(410)
    event = host.create_event()
    webhook = add(host, event, receiver.url)
    host.patch(f"/events/{event['id']}", json={"title": "one"})
    eventorg.wait_for(lambda: state_of(host, webhook)["disabled_reason"] == "gone")
    delivery = log_of(host, webhook)[0]
    assert (delivery["status"], delivery["attempts"]) == ("failed", 1)

    path = f"/events/{event['id']}/webhooks/{webhook['id']}"
    assert host.post(f"{path}/deliveries/{delivery['id']}/replay").status_code == 409
    host.patch(f"/events/{event['id']}", json={"title": "two"})  # not for this one
    receiver.answer = Answer(200)
    enabled = host.post(f"{path}/enable").json()
    assert (enabled["disabled_at"], enabled["disabled_reason"], enabled["failing_since"]) == (None, None, None)
    host.patch(f"/events/{event['id']}", json={"title": "three"})
    eventorg.wait_for(lambda: len(receiver.received) == 2)
    assert [json.loads(each.body)["data"]["event"]["title"] for each in receiver.received] == ["one", "three"]


def test_a_week_of_failures_turns_a_webhook_off(eventorg: Server, host: User, receiver: Receiver) -> None:
    receiver.answer = Answer(500)
    event = host.create_event()
    webhook = add(host, event, receiver.url)
    host.patch(f"/events/{event['id']}", json={"title": "one"})
    eventorg.wait_for(lambda: state_of(host, webhook)["failing_since"])
    eventorg.clock.advance(days=6)
    eventorg.wait_for(lambda: log_of(host, webhook)[0]["attempts"] == 2)
    assert state_of(host, webhook)["disabled_at"] is None
    eventorg.clock.advance(days=1)
    eventorg.wait_for(lambda: state_of(host, webhook)["disabled_reason"] == "failing")

    receiver.answer = Answer(200)
    assert log_of(host, webhook)[0]["status"] == "pending"  # it waits for the way back
    host.post(f"/events/{event['id']}/webhooks/{webhook['id']}/enable")
    eventorg.clock.advance(hours=1)
    eventorg.wait_for(lambda: log_of(host, webhook)[0]["status"] == "delivered")


def test_a_dead_webhook_does_not_keep_messages_without_bound(
    eventorg: Server, host: User, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["eventorg_plugins.webhooks.sending"], "MAX_WAITING", 2)
    receiver.answer = Answer(500)
    event = host.create_event()
    webhook = add(host, event, receiver.url)
    for count in range(1, 4):
        eventorg.sign_up().post(f"/events/{event['id']}/register")
        eventorg.wait_for(lambda count=count: len([d for d in log_of(host, webhook) if d["attempts"]]) == count)  # type: ignore[misc]
    assert state_of(host, webhook)["disabled_at"] is None  # it may fail for an hour
    eventorg.clock.advance(hours=1)
    eventorg.wait_for(lambda: state_of(host, webhook)["disabled_reason"] == "failing")
    eventorg.sign_up().post(f"/events/{event['id']}/register")  # not for this one
    assert {delivery["status"] for delivery in log_of(host, webhook)} == {"pending"}
    eventorg.clock.advance(days=31)
    eventorg.wait_for(lambda: log_of(host, webhook) == [])


def test_a_replay_sends_the_same_bytes_signed_anew(
    eventorg: Server, host: User, receiver: Receiver, receivers_clock: Clock
) -> None:
    event = host.create_event()
    webhook = add(host, event, receiver.url)
    host.patch(f"/events/{event['id']}", json={"title": "then"})
    delivery = eventorg.wait_for(lambda: [d for d in log_of(host, webhook) if d["status"] == "delivered"])[0]
    eventorg.clock.advance(hours=1)
    path = f"/events/{event['id']}/webhooks/{webhook['id']}/deliveries/{delivery['id']}/replay"
    replayed = host.post(path)
    assert replayed.status_code == 202
    assert (replayed.json()["status"], replayed.json()["attempts"]) == ("pending", 0)

    eventorg.wait_for(lambda: len(receiver.received) == 2)
    first, second = receiver.received
    assert (first.id, first.body) == (second.id, second.body)
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 3600
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
    Webhook(webhook["secret"]).verify(second.body, second.headers)


def test_a_redirect_is_a_failure_and_not_followed(eventorg: Server, host: User, receiver: Receiver) -> None:
    receiver.answers["/moved"] = Answer(307, {"Location": f"{receiver.url}/elsewhere"})
    event = host.create_event()
    webhook = add(host, event, f"{receiver.url}/moved")
    host.patch(f"/events/{event['id']}", json={"title": "new"})
    delivery = attempted(eventorg, host, webhook)
    assert (delivery["status"], delivery["response_status"]) == ("pending", 307)
    assert receiver.at("/elsewhere") == []


def test_receivers_that_hang_hold_up_nobody_who_answers(eventorg: Server, host: User, receiver: Receiver) -> None:
    event = host.create_event()
    add(host, event, f"{receiver.url}/good")
    host.patch(f"/events/{event['id']}", json={"title": "one"})
    eventorg.wait_for(lambda: receiver.at("/good"))

    receiver.answers["/hang"] = Answer(hangs=True)
    others = [host.create_event() for _ in range(LANE // MAX_PER_EVENT + 1)]
    for other in others:
        hanging = [add(host, other, f"{receiver.url}/hang") for _ in range(MAX_PER_EVENT)]
        host.patch(f"/events/{other['id']}", json={"title": "new"})
    eventorg.wait_for(lambda: len(receiver.at("/hang")) == LANE)
    host.patch(f"/events/{event['id']}", json={"title": "two"})
    eventorg.wait_for(lambda: len(receiver.at("/good")) == 2)
    assert len(receiver.at("/hang")) == LANE  # nobody has given up yet, and nobody else was begun with
    assert log_of(host, hanging[0])[0]["attempts"] == 0


def test_a_receiver_that_hangs_has_failed(
    eventorg: Server, host: User, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["eventorg_plugins.webhooks.destinations"], "TIMEOUT_SECONDS", 0.3)
    receiver.answer = Answer(hangs=True)
    event = host.create_event()
    webhook = add(host, event, receiver.url)
    host.patch(f"/events/{event['id']}", json={"title": "new"})
    delivery = attempted(eventorg, host, webhook)
    assert (delivery["status"], delivery["error"], delivery["response_status"]) == ("pending", "timeout", None)


def test_a_huge_answer_is_not_read(eventorg: Server, host: User, receiver: Receiver) -> None:
    receiver.answer = Answer(200, {"Content-Length": str(10**12)}, b"x" * 50_000_000)
    event = host.create_event()
    webhook = add(host, event, receiver.url)
    host.patch(f"/events/{event['id']}", json={"title": "new"})
    delivery = attempted(eventorg, host, webhook)
    assert (delivery["status"], delivery["response_status"]) == ("delivered", 200)


def test_what_is_not_http_is_a_failed_attempt(eventorg: Server, host: User, receiver: Receiver) -> None:
    event = host.create_event()
    webhook = add(host, event, receiver.url.replace("http:", "https:"))
    host.patch(f"/events/{event['id']}", json={"title": "new"})
    delivery = attempted(eventorg, host, webhook)
    assert (delivery["status"], delivery["error"]) == ("pending", "connection_failed")


def test_a_restart_keeps_the_queue(eventorg: Server, receiver: Receiver, host: User) -> None:
    database = eventorg.settings.database_path.with_name("other.db")
    settings = structs.replace(eventorg.settings, database=str(database))
    receiver.answer = Answer(hangs=True)
    with running(settings) as server:
        host = server.sign_up()
        event = host.create_event()
        webhook = add(host, event, receiver.url)
        host.patch(f"/events/{event['id']}", json={"title": "one"})
        server.wait_for(lambda: receiver.received)  # it is stopped in the middle of this one
        host.patch(f"/events/{event['id']}", json={"title": "two"})
        server.wait_for(lambda: len(log_of(host, webhook)) == 2)
    receiver.answer = Answer(200)
    with running(settings) as server:
        server.wait_for(lambda: len(receiver.received) == 3)
    started, again, second = receiver.received
    assert (started.id, started.body) == (again.id, again.body)
    assert second.id != again.id


def test_old_deliveries_and_ended_webhooks_are_forgotten(eventorg: Server, host: User, receiver: Receiver) -> None:
    event, other = host.create_event(), host.create_event()
    webhook = add(host, event, receiver.url)
    add(host, other, receiver.url)
    host.patch(f"/events/{event['id']}", json={"title": "one"})
    host.delete(f"/events/{other['id']}")
    eventorg.wait_for(lambda: len(receiver.received) == 2)
    assert len(log_of(host, webhook)) == 1
    eventorg.clock.advance(days=31)
    eventorg.wait_for(lambda: log_of(host, webhook) == [])
    assert state_of(host, webhook)["disabled_at"] is None


def test_after_a_crash_it_goes_on_sending(
    eventorg: Server, host: User, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = sys.modules["eventorg_plugins.webhooks.sending"].Sender
    begin, crashed = sender._begin, threading.Event()

    async def crash_once(*arguments: object) -> None:
        if not crashed.is_set():
            crashed.set()
            raise RuntimeError("out of order")
        await begin(*arguments)

    monkeypatch.setattr(sender, "_begin", crash_once)
    assert crashed.wait(10)
    event = host.create_event()
    add(host, event, receiver.url)
    host.patch(f"/events/{event['id']}", json={"title": "new"})
    eventorg.wait_for(lambda: receiver.received)
    assert eventorg.client.get("/health").json()["plugins"]["webhooks"] == "retrying"
