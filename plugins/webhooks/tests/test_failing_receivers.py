"""Messages that the receiver does not take: retries and their pauses, the end of a webhook, and invalid answers."""

import json
import sys
from datetime import datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from eventorg.testing import Clock, Server, User

from ..repository import MAX_PER_EVENT
from ..sending import JITTER, LANE, SCHEDULE
from .hosting import add, log_of, state_of
from .receiver import Answer, Receiver


def attempted(eventorg: Server, host: User, webhook: dict[str, Any]) -> dict[str, Any]:
    """The first delivery of a webhook that was tried."""
    return eventorg.wait_for(lambda: [each for each in log_of(host, webhook) if each["attempts"]])[0]


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
    assert state_of(host, webhook)["failing_since"] == "2027-01-01T12:00:00Z"
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
