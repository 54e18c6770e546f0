"""Leases of outdated cards, and what the bot says about them."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import structs

from eventorg.testing import Clock, Server, check_problem, running

from .conftest import Chat


def test_the_newest_card_is_leased_until_it_is_shown(chat: Chat) -> None:
    event_id = chat.host.create_event(title="Tea")["id"]
    placement = chat.place(event_id)
    for _ in range(3):
        chat.register(event_id)
    (leased,) = chat.lease()
    card = chat.bot.get(f"/events/{event_id}/card", params={"locale": "en"}).json()
    assert leased == placement | {"text": card["text"], "etag": card["card_etag"]}
    assert chat.ack(leased) == {
        "id": placement["id"],
        "state": "shown",
        "shown_etag": leased["etag"],
        "retry_at": None,
    }
    assert chat.lease() == []
    (listed,) = chat.bot.get(f"/events/{event_id}/placements").json()["placements"]
    assert listed["shown_etag"] == leased["etag"]


def test_it_is_not_leased_twice_before_the_lease_ends(chat: Chat) -> None:
    event_id = chat.host.create_event()["id"]
    chat.place(event_id)
    (first,) = chat.lease(lease_seconds=60)
    chat.register(event_id)
    assert chat.lease() == []
    chat.server.clock.advance(seconds=59)
    assert chat.lease() == []
    chat.server.clock.advance(seconds=1)
    (second,) = chat.lease()
    assert second["etag"] != first["etag"]


def test_a_change_during_the_lease_is_leased_after_it(chat: Chat) -> None:
    event_id = chat.host.create_event()["id"]
    chat.place(event_id)
    (first,) = chat.lease()
    chat.register(event_id)
    assert chat.ack(first)["shown_etag"] == first["etag"]
    (second,) = chat.lease()
    chat.ack(second)
    assert chat.ack(first)["shown_etag"] == first["etag"]  # late: the older text may be what the message shows now
    (third,) = chat.lease()
    assert third["etag"] == second["etag"]


def test_a_late_result_does_not_end_the_lease_of_a_newer_card(chat: Chat) -> None:
    event_id = chat.host.create_event()["id"]
    chat.place(event_id)
    (first,) = chat.lease(lease_seconds=1)
    chat.register(event_id)
    chat.server.clock.advance(seconds=1)
    (second,) = chat.lease()
    chat.ack(first)
    assert chat.lease() == []
    chat.ack(second)
    assert chat.lease() == []


def test_a_bot_may_say_what_it_has_posted_by_itself(chat: Chat) -> None:
    event_id = chat.host.create_event()["id"]
    placement = chat.place(event_id)
    etag = chat.bot.get(f"/events/{event_id}/card").json()["card_etag"]
    chat.ack(placement | {"etag": etag})
    assert chat.lease() == []


def test_what_is_put_again_during_a_lease_is_leased_again(chat: Chat) -> None:
    event_id = chat.host.create_event()["id"]
    chat.place(event_id)
    (old,) = chat.lease()
    chat.place(event_id, locale="ru")
    assert chat.lease() == []
    assert chat.ack(old)["shown_etag"] is None
    (new,) = chat.lease()
    assert (new["locale"], new["etag"]) == ("ru", old["etag"])
    assert new["text"] != old["text"]
    chat.ack(new)
    assert chat.lease() == []


def test_gone_forgets_the_placement(chat: Chat) -> None:
    event_id = chat.host.create_event()["id"]
    chat.place(event_id)
    (leased,) = chat.lease()
    assert chat.ack(leased, "gone")["state"] == "gone"
    assert chat.ack(leased, "gone") == {"id": leased["id"], "code": "placement_not_found"}
    chat.register(event_id)
    assert chat.lease() == []


def test_retry_pauses(chat: Chat) -> None:
    event_id = chat.host.create_event()["id"]
    chat.place(event_id)
    (leased,) = chat.lease()
    answer = chat.ack(leased, "retry", retry_after=7)
    assert answer == {"id": leased["id"], "state": "retry", "shown_etag": None, "retry_at": "2027-01-01T12:00:07Z"}
    assert chat.ack(leased, "retry", retry_after=100)["retry_at"] == "2027-01-01T12:00:07Z"
    chat.server.clock.advance(seconds=6)
    assert chat.lease() == []
    chat.server.clock.advance(seconds=1)
    for seconds in (60, 120):  # the second and the third in a row
        (leased,) = chat.lease()
        chat.ack(leased, "retry")
        chat.server.clock.advance(seconds=seconds - 1)
        assert chat.lease() == []
        chat.server.clock.advance(seconds=1)
    assert len(chat.lease()) == 1


def test_results_are_answered_in_order(chat: Chat) -> None:
    event_id = chat.host.create_event()["id"]
    for number in range(3):
        chat.place(event_id, str(number))
    first, second, third = chat.lease()
    results = [(first, "shown"), ({"id": "unknown", "etag": "x"}, "shown"), (second, "retry"), (third, "gone")]
    answers = chat.ack_all([{"id": each["id"], "etag": each["etag"], "result": result} for each, result in results])
    assert [each.get("state", each.get("code")) for each in answers] == [
        "shown",
        "placement_not_found",
        "retry",
        "gone",
    ]
    assert [each["id"] for each in answers] == [first["id"], "unknown", second["id"], third["id"]]


@pytest.mark.parametrize("body", [{"limit": 0}, {"limit": 101}, {"timeout": 31}, {"timeout": -1}, {"lease_seconds": 0}])
def test_a_wish_is_checked(chat: Chat, body: dict[str, int]) -> None:
    check_problem(chat.bot.post("/placements/lease", json=body), 422)


def test_results_are_checked(chat: Chat) -> None:
    result = {"id": "x", "etag": "x", "result": "shown"}
    check_problem(chat.bot.post("/placements/ack", json={"results": [result] * 1001}), 422)
    check_problem(chat.bot.post("/placements/ack", json={"results": [result | {"result": "seen"}]}), 422)


def test_the_limit_takes_those_that_wait_longest(chat: Chat) -> None:
    event_id = chat.host.create_event()["id"]
    ids = [chat.place(event_id, str(number))["id"] for number in range(3)]
    assert [each["id"] for each in chat.lease(limit=2)] == ids[:2]
    assert [each["id"] for each in chat.lease(limit=2)] == ids[2:]


def test_a_lease_waits_for_a_change(chat: Chat) -> None:
    event_id = chat.host.create_event()["id"]
    chat.place(event_id)
    chat.show()
    chat.server.clock.advance(seconds=3)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(chat.lease, timeout=30)
        chat.register(event_id)
        (leased,) = waiting.result()
    assert leased["etag"] == chat.bot.get(f"/events/{event_id}/card").json()["card_etag"]


def test_a_wait_collects_changes_and_ends_with_the_newest(chat: Chat) -> None:
    """The clock stands still: the three seconds never pass, and only the end of the wait brings the card."""
    event_id = chat.host.create_event()["id"]
    chat.place(event_id)
    chat.show()
    chat.register(event_id)
    began = time.monotonic()
    (leased,) = chat.lease(timeout=1)
    assert time.monotonic() - began >= 1
    assert leased["etag"] == chat.bot.get(f"/events/{event_id}/card").json()["card_etag"]


def test_two_that_lease_at_once_share_the_placements(chat: Chat) -> None:
    event_id = chat.host.create_event()["id"]
    ids = {chat.place(event_id, str(number))["id"] for number in range(20)}
    with ThreadPoolExecutor(8) as pool:
        leases = list(pool.map(lambda _: chat.lease(limit=3), range(8)))
    found = [each["id"] for lease in leases for each in lease]
    assert len(found) == len(set(found)) == 20
    assert set(found) == ids


def test_two_that_wait_with_keys_share_the_placements(chat: Chat) -> None:
    """The slower one finds that what it saw is taken, and waits on with the same key."""
    event_id = chat.host.create_event()["id"]

    def lease(number: int) -> list[str]:
        key = {"Idempotency-Key": f"key-of-a-wait-{number}"}
        response = chat.bot.post("/placements/lease", json={"timeout": 1}, headers=key)
        assert response.status_code == 200, response.text
        return [each["id"] for each in response.json()["placements"]]

    with ThreadPoolExecutor(8) as pool:
        leases = pool.map(lease, range(8))
        placement = chat.place(event_id)
        found = [each for lease in leases for each in lease]
    assert found == [placement["id"]]


def test_many_changes_are_a_handful_of_leases_and_the_last_state_is_shown(chat: Chat) -> None:
    event = chat.host.create_event()
    chat.place(event["id"])
    shown: list[str] = []
    done = threading.Event()

    def keep_current() -> None:
        while True:
            is_over = done.is_set()
            leased = chat.lease() if is_over else chat.lease(timeout=1)
            for each in leased:
                shown.append(each["etag"])
                chat.ack(each)
            if is_over and not leased:
                return

    with ThreadPoolExecutor() as pool:
        bot = pool.submit(keep_current)
        for number in range(500):
            chat.host.patch(f"/events/{event['id']}", json={"title": f"Tea {number}"})
            chat.server.clock.advance(seconds=10 / 500)
        done.set()
        bot.result()
    assert shown[-1] == chat.bot.get(f"/events/{event['id']}/card").json()["card_etag"]
    assert chat.lease() == []
    assert len(shown) <= 15


def test_a_repeated_request_leases_the_same(chat: Chat) -> None:
    chat.place(chat.host.create_event()["id"])
    key = {"Idempotency-Key": "key-of-a-lease-01"}
    first, second = (chat.bot.post("/placements/lease", json={"timeout": 1}, headers=key) for _ in range(2))
    assert first.json() == second.json()
    assert len(first.json()["placements"]) == 1


def test_leases_outlast_a_restart(eventorg: Server, tmp_path: Path) -> None:
    """What was leased stays leased, and what changed while nobody looked is leased."""
    settings = structs.replace(eventorg.settings, database=str(tmp_path / "restarted.db"))
    clock = Clock()
    with running(settings, clock) as server:
        chat = Chat(server)
        event_id = chat.host.create_event()["id"]
        chat.place(event_id, "1")
        (held,) = chat.lease()
        second = chat.place(event_id, "2")
    with running(settings, clock) as again:
        chat.bot.client = chat.host.client = again.client
        assert [each["id"] for each in chat.lease()] == [second["id"]]
        chat.host.patch(f"/events/{event_id}", json={"title": "Another title"})
        assert chat.ack(held)["shown_etag"] == held["etag"]
        (newest,) = chat.lease()
        assert (newest["id"], newest["text"].splitlines()[0]) == (held["id"], "Another title")
        clock.advance(seconds=60)
        assert {each["id"] for each in chat.lease()} == {held["id"], second["id"]}


def test_a_wait_ends_when_the_server_stops(eventorg: Server, tmp_path: Path) -> None:
    settings = structs.replace(eventorg.settings, database=str(tmp_path / "stopped.db"))
    answers: list[httpx.Response] = []
    sent = threading.Event()

    def trace(name: str, _: object) -> None:
        if name == "http11.send_request_body.complete":
            sent.set()

    client = httpx.Client(timeout=30)
    with closing(client), running(settings) as server:
        bot = server.make_bot("deliver")
        wish: dict[str, Any] = {"json": {"timeout": 30}, "headers": bot.headers, "extensions": {"trace": trace}}
        waiting = threading.Thread(target=lambda: answers.append(client.post(f"{server.url}/placements/lease", **wish)))
        waiting.start()
        sent.wait()
        assert server.client.get("/health").status_code == 200  # the other request has begun before this one
        began = time.monotonic()
    waiting.join()
    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {"placements": []})]
    assert time.monotonic() - began < 20
