"""Messages about a new time or place: told together, once, and only if something differs from what was told last."""

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from .scene import Scene, kinds


def test_people_who_answered_maybe_are_told_as_participants_are_but_not_reminded(scene: Scene) -> None:
    comes, maybe, declines, changes, pending = (scene.guest() for _ in range(5))
    event_id = scene.event(comes)
    assert scene.host.patch(f"/events/{event_id}", json={"approval_required": True}).is_success
    scene.register(pending, event_id)
    for guest, answer in ((maybe, "maybe"), (declines, "declined"), (changes, "maybe")):
        assert guest.put(f"/events/{event_id}/rsvp", json={"answer": answer}).is_success
    scene.settle()
    assert scene.host.patch(f"/events/{event_id}", json={"location": "Here"}).is_success
    scene.settle()
    assert changes.put(f"/events/{event_id}/rsvp", json={"answer": "declined"}).is_success  # before the bot tells it
    assert kinds(scene.told()) == sorted(("changed", one.id) for one in (comes, pending, maybe))
    assert kinds(scene.told(hours=24)) == [("reminder", comes.id)]
    assert scene.host.post(f"/events/{event_id}/cancel").is_success
    assert kinds(scene.told()) == sorted(("cancelled", one.id) for one in (comes, pending, maybe))


def test_who_has_no_seat_is_asked_to_answer_again_when_the_event_moves(scene: Scene) -> None:
    comes, maybe, waits = (scene.guest() for _ in range(3))
    event_id = scene.event(comes, waits, capacity=1)
    assert maybe.put(f"/events/{event_id}/rsvp", json={"answer": "maybe"}).is_success
    scene.settle()
    scene.move(event_id, hours=72)
    asked = {one["user_id"]: one["text"].splitlines()[-1] for one in scene.told()}
    assert asked.pop(maybe.id) == "No seat is kept for you. Please answer again whether you come."
    assert set(asked) == {comes.id, waits.id}
    assert not any("answer" in line for line in asked.values())


def test_a_new_time_or_place_is_told_and_nothing_else(scene: Scene) -> None:
    comes, waits = scene.guest(), scene.guest()
    event_id = scene.event(comes, waits, capacity=1, title="Tea")
    assert scene.host.patch(f"/events/{event_id}", json={"title": "Tea!", "description": "x"}).is_success
    assert scene.told() == []
    assert scene.host.patch(f"/events/{event_id}", json={"location": "Here"}).is_success
    told = scene.told()
    assert kinds(told) == sorted([("changed", comes.id), ("changed", waits.id)])
    assert told[0]["text"] == "✏️ New time or place: Tea!\nSun, 3 January 2027, 12:00 – 14:00 (UTC)\nHere"


def test_several_changes_that_nobody_has_heard_of_are_told_together(scene: Scene) -> None:
    guest = scene.guest()
    event_id = scene.event(guest)
    for place in ("Here", "There", "Anywhere"):
        assert scene.host.patch(f"/events/{event_id}", json={"location": place}).is_success
        scene.settle()
    (told,) = scene.told()
    assert told["text"].endswith("Anywhere")


def test_who_was_checked_in_is_told_as_the_others_are(scene: Scene) -> None:
    guest = scene.guest()
    event_id = scene.event(guest)
    checked_in = scene.host.patch(f"/events/{event_id}/participants/{guest.id}", json={"status": "attended"})
    assert checked_in.status_code == 200
    scene.settle()
    assert scene.host.patch(f"/events/{event_id}", json={"location": "Here"}).is_success
    assert kinds(scene.told()) == [("changed", guest.id)]
    assert scene.host.post(f"/events/{event_id}/cancel").is_success
    assert kinds(scene.told()) == [("cancelled", guest.id)]


def test_a_new_end_alone_is_told(scene: Scene) -> None:
    guest = scene.guest()
    event_id = scene.event(guest, title="Tea")
    scene.settle()
    assert scene.host.patch(f"/events/{event_id}", json={"end_time": "2027-01-04T09:30:00Z"}).is_success
    (told,) = scene.told()
    when = "Sun, 3 January 2027, 12:00 – Mon, 4 January 2027, 09:30 (UTC)"
    assert told["text"] == f"✏️ New time or place: Tea\n{when}"


def test_changes_within_a_short_while_are_told_once(scene: Scene) -> None:
    guest = scene.guest()
    event_id = scene.event(guest)
    scene.settle()
    for number in range(80):
        assert scene.host.patch(f"/events/{event_id}", json={"location": f"Room {number}"}).is_success
    (told,) = scene.told()
    assert told["text"].endswith("Room 79")
    stored = guest.get("/users/me/export").json()["deliveries"]
    assert [one["kind"] for one in stored] == ["changed"]


def test_a_change_that_is_undone_at_once_is_no_news(scene: Scene) -> None:
    guest = scene.guest()
    event_id = scene.event(guest, location="Here")
    scene.settle()
    for place in ("There", "Here"):
        assert scene.host.patch(f"/events/{event_id}", json={"location": place}).is_success
    assert scene.told() == []


@pytest.fixture
def deaf(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The plugin hears of nothing until you undo it."""
    with monkeypatch.context() as deaf:
        deaf.setattr("eventorg.extensions.worker.PluginWorker._must_wait", lambda *_: True)
        yield deaf


@pytest.mark.parametrize(
    "change",
    [
        {"location": "Here"},
        {"end_time": "2027-01-03T15:00:00Z"},
        {"start_time": "2027-01-03T11:00:00Z", "title": "Coffee"},
    ],
)
def test_a_change_before_the_plugin_hears_of_the_event_is_told(
    scene: Scene, deaf: pytest.MonkeyPatch, change: dict[str, str]
) -> None:
    guest = scene.guest()
    event_id = scene.event(guest)
    assert scene.host.patch(f"/events/{event_id}", json=change).is_success
    assert scene.host.patch(f"/events/{event_id}", json={"description": "More"}).is_success
    deaf.undo()
    assert kinds(scene.told()) == [("changed", guest.id)]
    assert scene.host.patch(f"/events/{event_id}", json={"title": "Other"}).is_success
    assert scene.told() == []


def test_a_change_that_is_heard_of_while_an_earlier_one_is_told_is_not_told_twice(
    scene: Scene, deaf: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    news = sys.modules["eventorg_plugins.reminders.news"]
    schedule, tell = news._schedule, news._tell
    telling, scheduled = asyncio.Event(), asyncio.Event()
    updates: list[Any] = []

    async def schedule_in_turn(context: Any, fact: Any) -> None:
        if fact.type == "event.updated":
            updates.append(fact)
        if len(updates) > 1:
            await telling.wait()
        await schedule(context, fact)
        if len(updates) > 1:
            scheduled.set()

    async def tell_in_turn(*arguments: Any) -> None:
        telling.set()
        await scheduled.wait()
        await tell(*arguments)

    monkeypatch.setattr(news, "_schedule", schedule_in_turn)
    monkeypatch.setattr(news, "_tell", tell_in_turn)
    guest = scene.guest()
    event_id = scene.event(guest)
    for place in ("Here", "There"):
        assert scene.host.patch(f"/events/{event_id}", json={"location": place}).is_success
    deaf.undo()
    (told,) = scene.told()
    assert (told["kind"], told["text"].splitlines()[-1]) == ("changed", "There")
    assert scene.told() == []


def test_what_is_no_news_is_not_told_either_if_the_plugin_hears_of_it_late(
    scene: Scene, deaf: pytest.MonkeyPatch
) -> None:
    guest = scene.guest()
    renamed, draft = scene.event(guest), scene.event(status="draft")
    assert scene.host.patch(f"/events/{renamed}", json={"title": "Tea", "capacity": 9, "waitlist": False}).is_success
    assert scene.host.patch(f"/events/{draft}", json={"location": "Here"}).is_success
    assert scene.host.patch(f"/events/{draft}", json={"status": "published"}).is_success
    scene.register(guest, draft)
    deaf.undo()
    assert scene.told() == []


def test_changes_that_never_pause_are_told_after_a_minute(scene: Scene) -> None:
    guest = scene.guest()
    event_id = scene.event(guest)
    scene.settle()
    for number in range(20):
        assert scene.host.patch(f"/events/{event_id}", json={"location": f"Room {number}"}).is_success
        scene.clock.advance(seconds=4)
    told = scene.server.wait_for(scene.lease)
    assert [one["kind"] for one in told] == ["changed"]
