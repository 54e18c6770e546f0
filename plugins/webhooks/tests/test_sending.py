"""Messages: signed, and sent once and in order to those who want them, also after a restart or a crash."""

import json
import sys
import threading

import pytest
from msgspec import structs
from standardwebhooks import Webhook

from eventorg.testing import Clock, Server, User, running

from .hosting import add, log_of, paused_facts, state_of
from .receiver import Answer, Receiver


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
    assert (told["type"], told["timestamp"]) == ("registration.created", "2027-01-01T12:00:00Z")
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
