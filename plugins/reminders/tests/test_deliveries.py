"""Leases and acknowledgements: one bot has a message at a time, and none is lost."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import httpx

from eventorg.testing import Bot, check_problem

from .scene import Scene, Told


def due(scene: Scene, guests: int = 1) -> list[str]:
    """The users of so many deliveries that wait now."""
    users = [scene.guest() for _ in range(guests)]
    scene.event(*users)
    scene.clock.advance(hours=24)
    scene.settle()
    return [user.id for user in users]


def ack(bot: Bot, delivery: Told, result: str = "sent", **more: Any) -> httpx.Response:
    response: httpx.Response = bot.post(f"/deliveries/{delivery['id']}/ack", json={"result": result} | more)
    return response


def test_what_is_sent_does_not_come_again(scene: Scene) -> None:
    due(scene)
    (delivery,) = scene.lease()
    assert scene.lease() == []
    assert scene.ack(delivery) == {"id": delivery["id"], "state": "sent", "retry_at": None}
    assert scene.told(hours=1) == []


def test_a_lease_that_ends_is_leased_again(scene: Scene) -> None:
    due(scene)
    other = scene.server.make_bot("deliver")
    (first,) = scene.lease(lease_seconds=30)
    scene.clock.advance(seconds=29)
    assert scene.lease() == []
    scene.clock.advance(seconds=1)
    (second,) = other.post("/deliveries/lease", json={}).json()["deliveries"]
    assert second == first
    check_problem(ack(scene.bot, first), 409, "conflict")
    assert ack(other, second).status_code == 200
    check_problem(ack(scene.bot, first), 409, "conflict")


def test_a_late_acknowledgement_counts_while_nobody_else_has_it(scene: Scene) -> None:
    due(scene)
    (delivery,) = scene.lease(lease_seconds=1)
    scene.clock.advance(minutes=5)
    assert scene.ack(delivery)["state"] == "sent"
    assert scene.lease() == []


def test_said_twice_it_is_answered_the_same(scene: Scene) -> None:
    due(scene, 3)
    for delivery, result in zip(scene.lease(), ("sent", "retry", "blocked"), strict=True):
        first = scene.ack(delivery, result)
        scene.clock.advance(seconds=1)
        assert scene.ack(delivery, result) == first
        other = "retry" if result == "sent" else "sent"
        check_problem(ack(scene.bot, delivery, other), 409, "conflict")


def test_a_retry_comes_when_it_was_asked_for(scene: Scene) -> None:
    due(scene)
    (delivery,) = scene.lease()
    scene.ack(delivery, "retry", retry_after=120)
    scene.clock.advance(seconds=119)
    assert scene.lease() == []
    scene.clock.advance(seconds=1)
    assert scene.lease() == [delivery]


def test_retries_come_after_pauses_that_grow_to_an_hour(scene: Scene) -> None:
    due(scene)
    pauses = []
    for _ in range(9):
        (delivery,) = scene.lease()
        retry_at = datetime.fromisoformat(scene.ack(delivery, "retry")["retry_at"])
        pauses.append((retry_at - scene.clock.now).total_seconds())
        scene.clock.now = retry_at
    assert pauses[0] <= 120
    assert pauses[1:] == [min(2 * pause, 3600) for pause in pauses[:-1]]


def test_a_bot_acknowledges_only_what_it_holds(scene: Scene) -> None:
    due(scene)
    other = scene.server.make_bot("deliver")
    (delivery,) = scene.lease()
    check_problem(ack(other, delivery), 409, "conflict")
    for unknown in ("00000000-0000-4000-8000-000000000000", delivery["id"].upper(), "x"):
        check_problem(ack(scene.bot, {"id": unknown}), 404, "delivery_not_found")
    scene.ack(delivery)


def test_what_the_user_took_along_is_not_found(scene: Scene) -> None:
    guest = scene.guest()
    scene.event(guest)
    scene.clock.advance(hours=24)
    scene.settle()
    (delivery,) = scene.lease()
    assert guest.delete("/users/me").is_success
    check_problem(ack(scene.bot, delivery), 404, "delivery_not_found")


def test_who_blocks_is_left_alone_until_it_acts_again(scene: Scene) -> None:
    guest = scene.guest()
    event_id, other_id = scene.event(guest), scene.event(guest)
    scene.clock.advance(hours=24)
    scene.settle()
    first, second = scene.lease()
    scene.ack(first, "blocked")
    scene.ack(second, "blocked")
    assert scene.told(hours=22) == []
    assert scene.host.patch(f"/events/{event_id}", json={"location": "Here"}).is_success  # the host acts, not the guest
    assert scene.told() == []
    assert guest.patch("/users/me", json={"first_name": "Back"}).is_success
    scene.settle()
    assert sorted(one["event_id"] for one in scene.told(hours=1)) == sorted([event_id, other_id])


def test_setting_ones_reminders_ends_a_block(scene: Scene) -> None:
    guest = scene.guest()
    scene.event(guest)
    scene.clock.advance(hours=24)
    scene.settle()
    scene.ack(scene.lease()[0], "blocked")
    assert guest.put("/users/me/reminders", content="null").is_success
    assert [one["user_id"] for one in scene.told(hours=23)] == [guest.id]


def test_eight_bots_at_once_never_have_the_same(scene: Scene) -> None:
    users = due(scene, 40)
    bots = [scene.server.make_bot("deliver") for _ in range(8)]

    def take(bot: Bot) -> list[str]:
        taken = []
        with httpx.Client(base_url=scene.server.url, headers=bot.headers, timeout=30) as client:
            while found := client.post("/deliveries/lease", json={"limit": 3}).json()["deliveries"]:
                taken += [one["user_id"] for one in found]
        return taken

    with ThreadPoolExecutor(len(bots)) as pool:
        taken = Counter(user for found in pool.map(take, bots) for user in found)
    assert taken == Counter(users)


def test_limits_and_defaults(scene: Scene) -> None:
    due(scene, 12)
    assert len(scene.bot.post("/deliveries/lease").json()["deliveries"]) == 10
    assert len(scene.lease(limit=1)) == 1
    scene.clock.advance(seconds=59)
    assert len(scene.lease(limit=100, lease_seconds=1)) == 1
    scene.clock.advance(seconds=1)
    assert len(scene.lease(limit=100)) == 11


def test_bodies_out_of_bounds_are_refused(scene: Scene) -> None:
    leases: list[Told] = [
        {"limit": 0},
        {"limit": 101},
        {"limit": "1"},
        {"limit": True},
        {"limit": 10**30},
        {"lease_seconds": 0},
        {"lease_seconds": 3601},
        {"lease_seconds": None},
        {"channel": "email"},
    ]
    acknowledgements: list[Told] = [
        {},
        {"result": "lost"},
        {"result": None},
        {"result": "retry", "retry_after": -1},
        {"result": "retry", "retry_after": 86_401},
        {"result": "retry", "retry_after": 1.5},
        {"result": "sent", "why": "x"},
    ]
    for body in leases:
        check_problem(scene.bot.post("/deliveries/lease", json=body), 422)
    for body in acknowledgements:
        check_problem(scene.bot.post("/deliveries/x/ack", json=body), 422)


def test_a_request_that_is_sent_again_is_done_once(scene: Scene) -> None:
    due(scene)
    key = {"Idempotency-Key": "once"}
    first = scene.bot.post("/deliveries/lease", json={}, headers=key)
    again = scene.bot.post("/deliveries/lease", json={}, headers=key)
    assert len(first.json()["deliveries"]) == 1
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"


def test_a_request_that_is_sent_again_shows_nobody_who_was_deleted(scene: Scene) -> None:
    (guest_id,) = due(scene)
    key = {"Idempotency-Key": "once"}
    acting = scene.bot.acting_for(scene.host.account["id"])
    first = acting.post("/deliveries/lease", json={}, headers=key)
    (delivery,) = first.json()["deliveries"]
    exported = scene.host.get("/users/me/export").json()
    assert not any("telegram_id" in str(request["result"]) for request in exported["requests"])
    assert delivery["user_id"] == guest_id
    assert scene.bot.acting_for(guest_id).delete("/users/me").status_code == 200
    assert acting.post("/deliveries/lease", json={}, headers=key).json() == {"deliveries": []}
