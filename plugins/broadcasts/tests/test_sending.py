"""Who gets a broadcast, when, and what is counted."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from eventorg.testing import Server, User

from .scene import Scene, ids, with_all_plugins

PLUGINS = Path(__file__).parents[2]
STEP = 100
"""The number of messages that are made in one transaction."""


def test_it_goes_to_the_groups_that_it_is_for(scene: Scene) -> None:
    scene.host.patch(f"/events/{scene.event_id}", json={"capacity": 2}).raise_for_status()
    going, attended, waiting = (scene.guest("going") for _ in range(3))
    maybe, declined, left = scene.guest("maybe"), scene.guest("declined"), scene.guest("maybe")
    left.delete(f"/events/{scene.event_id}/rsvp").raise_for_status()
    scene.host.patch(
        f"/events/{scene.event_id}/participants/{attended.id}", json={"status": "attended"}
    ).raise_for_status()
    scene.host.patch(f"/events/{scene.event_id}", json={"approval_required": True}).raise_for_status()
    pending = scene.guest("going")
    groups = {
        "registered": [going, attended],
        "waitlisted": [waiting, pending],
        "maybe": [maybe],
        "declined": [declined],
    }
    for group, people in groups.items():
        scene.send(group, to=[group])
        assert scene.told() == ids(*people), group
    scene.send()
    assert scene.told() == ids(going, attended, waiting, pending)
    everybody = scene.send(to=list(groups))
    assert everybody["recipients"] == 6
    assert scene.told() == ids(going, attended, waiting, pending, maybe, declined)


def test_who_joins_later_does_not_get_it(scene: Scene) -> None:
    guest = scene.guest("going")
    scene.send()
    scene.guest("going")
    assert scene.told() == [guest.id]


def test_a_later_one_goes_to_those_who_belong_then(scene: Scene) -> None:
    left, stays = scene.guest("going"), scene.guest("going")
    send_at = (scene.clock.now + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    broadcast = scene.send(send_at=send_at)
    assert (broadcast["send_at"], scene.counts(broadcast)) == (send_at, (0, 0, 0, 0, 0))
    scene.clock.advance(hours=1, minutes=59)
    scene.leave(left)
    comes = scene.guest("going")
    assert scene.told() == []
    scene.clock.advance(minutes=1)
    scene.server.wait_for(lambda: scene.counts(broadcast) == (2, 2, 0, 0, 0))
    assert scene.told() == ids(stays, comes)
    assert scene.counts(broadcast) == (2, 0, 2, 0, 0)


def test_one_of_the_past_is_sent_now(scene: Scene) -> None:
    guest = scene.guest("going")
    broadcast = scene.send(send_at="2020-01-01T00:00:00+03:00")
    assert broadcast["send_at"] == broadcast["created_at"]
    assert scene.told() == [guest.id]


def test_who_has_left_by_the_lease_gets_nothing(scene: Scene) -> None:
    leaver, maybe, decliner, removed, stays = (
        scene.guest(answer) for answer in ("going", "maybe", "going", "going", "going")
    )
    broadcast = scene.send(to=["registered", "maybe"])
    assert scene.counts(broadcast) == (5, 5, 0, 0, 0)
    scene.leave(leaver)
    scene.answer(maybe, "declined")
    scene.answer(decliner, "declined")
    scene.host.delete(f"/events/{scene.event_id}/participants/{removed.id}").raise_for_status()
    assert scene.counts(broadcast) == (1, 1, 0, 0, 0)
    assert scene.told() == [stays.id]
    scene.leave(stays)
    assert scene.counts(broadcast) == (1, 0, 1, 0, 0)  # it was sent


def test_who_changes_the_answer_and_still_comes_gets_it(scene: Scene) -> None:
    guest = scene.guest("maybe")
    broadcast = scene.send(to=["maybe"])
    scene.answer(guest, "going")
    assert scene.counts(broadcast) == (1, 1, 0, 0, 0)
    assert scene.told() == [guest.id]


def test_results_are_counted(scene: Scene) -> None:
    sent, blocked, retried, held = (scene.guest("going") for _ in range(4))
    by_mail = scene.server.sign_up()
    by_mail.post(f"/events/{scene.event_id}/register").raise_for_status()
    added = {"first_name": "Olga"}
    scene.host.post(f"/events/{scene.event_id}/participants", json=added).raise_for_status()
    broadcast = scene.send()
    assert scene.counts(broadcast) == (6, 4, 0, 2, 0)  # no verified address, no account
    leased = {delivery["user_id"]: delivery for delivery in scene.lease()}
    assert scene.counts(broadcast) == (6, 4, 0, 2, 0)  # a leased one waits
    scene.ack(leased[sent.id])
    scene.ack(leased[blocked.id], "blocked")
    scene.ack(leased[retried.id], "retry", retry_after=60)
    assert held.id in leased
    assert scene.counts(broadcast) == (6, 2, 1, 3, 0)
    scene.leave(by_mail)
    assert scene.counts(broadcast) == (5, 2, 1, 2, 0)


def test_counts_outlive_the_outbox(scene: Scene) -> None:
    sent, blocked = scene.guest("going"), scene.guest("going")
    ignored = scene.guest("going")
    broadcast = scene.send()
    leased = {delivery["user_id"]: delivery for delivery in scene.lease(lease_seconds=60)}
    scene.ack(leased[sent.id])
    scene.ack(leased[blocked.id], "blocked")
    assert ignored.id in leased
    scene.clock.advance(minutes=2)  # results are counted
    scene.server.wait_for(lambda: not sent.get("/users/me/export").json()["plugins"]["broadcasts"]["received"])
    assert scene.counts(broadcast) == (3, 1, 1, 1, 0)
    with closing(sqlite3.connect(scene.server.settings.database_path)) as file, file:  # as the retention does
        file.execute("DELETE FROM deliveries")
    scene.clock.advance(days=1, minutes=1)
    scene.server.wait_for(lambda: scene.counts(broadcast) == (3, 0, 1, 1, 1))


def test_a_stopped_one_is_not_told(scene: Scene) -> None:
    first, second, third = (scene.guest("going") for _ in range(3))
    broadcast = scene.send()
    (held,) = scene.lease(limit=1)
    (sent,) = scene.lease(limit=1)
    scene.ack(sent)
    stopped = scene.host.delete(f"{scene.path}/{broadcast['id']}").json()
    assert stopped["cancelled_at"] == scene.clock.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert scene.counts(broadcast) == (2, 1, 1, 0, 0)
    assert scene.lease() == []
    scene.ack(held)
    scene.clock.advance(minutes=2)
    everybody = ids(first, second, third)
    (stopped_id,) = set(everybody) - {held["user_id"], sent["user_id"]}
    waiting = scene.bot.acting_for(stopped_id)
    scene.server.wait_for(lambda: not waiting.get("/users/me/export").json()["plugins"]["broadcasts"]["received"])
    assert scene.counts(broadcast) == (2, 0, 2, 0, 0)
    scene.clock.advance(hours=2)
    assert scene.lease() == []


def test_one_that_is_stopped_before_its_time_is_never_sent(scene: Scene) -> None:
    scene.guest("going")
    hours = (scene.clock.now + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    stopped, other = (scene.send(send_at=hours) for _ in range(2))
    scene.host.delete(f"{scene.path}/{stopped['id']}").raise_for_status()
    scene.clock.advance(hours=1)
    scene.server.wait_for(lambda: scene.counts(other) == (1, 1, 0, 0, 0))
    assert len(scene.lease()) == 1
    assert scene.counts(stopped) == (0, 0, 0, 0, 0)


def test_cancelled_and_finished_events_can_be_written_to(scene: Scene) -> None:
    guest, cancelled_id = scene.guest("going"), scene.event_id
    start, end = (scene.clock.now + timedelta(hours=hours) for hours in (1, 2))
    scene.event_id = scene.new_event(start_time=start.isoformat(), end_time=end.isoformat())
    scene.answer(guest, "going")
    scene.clock.advance(hours=3)
    scene.send("It was nice")
    scene.host.post(f"/events/{cancelled_id}/cancel").raise_for_status()
    scene.event_id = cancelled_id
    scene.send("Sorry")
    told = [delivery["text"] for delivery in scene.lease() if delivery["kind"] == "broadcasts.message"]
    assert sorted(told) == ["It was nice", "Sorry"]


def test_what_waits_goes_with_the_event(scene: Scene) -> None:
    scene.guest("going")
    later = (scene.clock.now + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    scene.send()
    scene.send(send_at=later)
    scene.host.delete(f"/events/{scene.event_id}").raise_for_status()
    assert [one for one in scene.lease() if one["kind"] == "broadcasts.message"] == []
    scene.clock.advance(hours=1)
    scene.server.wait_for(lambda: scene.host.get("/users/me/export").json()["plugins"]["broadcasts"]["written"] == [])
    assert [one for one in scene.lease() if one["kind"] == "broadcasts.message"] == []


def test_the_writer_is_null_once_the_account_is_gone(scene: Scene) -> None:
    co_host = scene.guest()
    scene.host.post(f"/events/{scene.event_id}/hosts", json={"user_id": co_host.id}).raise_for_status()
    broadcast = co_host.post(scene.path, json={"text": "x"}).json()
    assert scene.get(broadcast)["created_by"] == co_host.id
    tag = scene.host.get(f"{scene.path}/{broadcast['id']}").headers["etag"]
    co_host.delete("/users/me").raise_for_status()
    assert scene.get(broadcast)["created_by"] is None
    changed = scene.host.get(f"{scene.path}/{broadcast['id']}", headers={"If-None-Match": tag})
    assert changed.status_code == 200


def test_a_deleted_account_gets_nothing_and_does_not_count(scene: Scene) -> None:
    gone, stays = scene.guest("going"), scene.guest("going")
    broadcast = scene.send()
    gone.delete("/users/me").raise_for_status()
    assert scene.counts(broadcast) == (1, 1, 0, 0, 0)
    assert scene.told() == [stays.id]


@with_all_plugins
def test_it_does_not_delay_another_plugins_message(scene: Scene) -> None:
    if not (PLUGINS / "reminders").is_dir():
        pytest.skip("the plugin was removed")
    for _ in range(20):
        scene.guest("going")
    scene.send()
    promoted, other_id = scene.guest(), scene.new_event(capacity=1)
    seated = scene.guest()
    for user in (seated, promoted):
        user.post(f"/events/{other_id}/register").raise_for_status()
    seated.delete(f"/events/{other_id}/register").raise_for_status()

    def comes() -> bool:
        return "promoted" in [delivery["kind"] for delivery in scene.lease(limit=2, lease_seconds=1)]

    scene.server.wait_for(comes)


def link(scene: Scene, gone: User, stays: User) -> None:
    code = stays.post("/users/me/link-codes").json()["code"]
    linked = scene.bot.post(f"/identities/telegram/{gone.account['telegram_id']}/link", json={"code": code})
    assert linked.status_code == 200, linked.text


@pytest.mark.parametrize("is_held", [False, True])
def test_two_accounts_of_a_person_get_it_once(scene: Scene, is_held: bool) -> None:
    gone, stays, unreachable = scene.guest("going"), scene.server.sign_up(), scene.server.sign_up()
    for user in (stays, unreachable):
        user.post(f"/events/{scene.event_id}/register").raise_for_status()
    written = scene.host.id
    broadcast = scene.send()
    assert scene.counts(broadcast) == (3, 1, 0, 2, 0)
    held = scene.lease() if is_held else []
    link(scene, gone, stays)
    assert scene.counts(broadcast) == (2, 1, 0, 1, 0)
    held += scene.lease()
    assert len(held) == 1
    scene.ack(held[0])
    assert scene.counts(broadcast) == (2, 0, 1, 1, 0)
    link(scene, scene.host, unreachable)
    scene.host = unreachable
    assert written != unreachable.id
    assert scene.get(broadcast)["created_by"] == unreachable.id


def test_the_export_has_what_a_user_wrote_and_what_is_on_its_way(scene: Scene) -> None:
    guest = scene.guest("going")
    broadcast = scene.send()
    written = scene.host.get("/users/me/export").json()["plugins"]["broadcasts"]
    assert written == {"written": [broadcast], "received": []}
    export = guest.get("/users/me/export").json()
    (delivery,) = export["deliveries"]
    received = {"broadcast_id": broadcast["id"], "event_id": scene.event_id, "delivery_id": delivery["id"]}
    assert export["plugins"]["broadcasts"] == {"written": [], "received": [received]}


def test_mail_is_unreachable_without_a_mail_server(eventorg: Server) -> None:
    scene = Scene(eventorg)
    user = eventorg.sign_up()
    eventorg.verify_email(user)
    user.post(f"/events/{scene.event_id}/register").raise_for_status()
    assert scene.counts(scene.send()) == (1, 0, 0, 1, 0)


def test_one_that_is_stopped_while_it_is_sent_reaches_nobody(scene: Scene) -> None:
    for _ in range(STEP + 1):
        scene.guest("going")
    broadcast = scene.send()
    assert broadcast["recipients"] == STEP
    scene.host.delete(f"{scene.path}/{broadcast['id']}").raise_for_status()
    later = scene.send()
    scene.server.wait_for(lambda: scene.get(later)["recipients"] == STEP + 1)
    assert scene.counts(broadcast) == (0, 0, 0, 0, 0)
    told = scene.lease() + scene.lease()
    assert len({delivery["user_id"] for delivery in told}) == len(told) == STEP + 1
    assert all(later["id"] in delivery["dedupe_key"] for delivery in told)


def test_two_accounts_that_become_one_while_it_is_sent_get_it_once(scene: Scene) -> None:
    early, late = scene.server.sign_up(), scene.server.sign_up()
    gone = [scene.guest("going")]
    for _ in range(STEP):
        scene.guest("going")
    gone.append(scene.guest("going"))
    scene.send()
    for user, account in zip((early, late), gone, strict=True):  # one has it by now, the other perhaps not
        link(scene, account, user)
    told: list[str] = []

    def all_told() -> bool:
        told.extend(scene.told())
        return len(set(told)) >= STEP + 2

    scene.server.wait_for(all_told)
    assert len(told) == len(set(told)) == STEP + 2
    assert {early.id, late.id} <= set(told)
