"""Messages about a free seat, a new time or place, and a cancelled event."""

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from .scene import Scene, kinds


def test_who_gets_a_seat_is_told(scene: Scene) -> None:
    first, second, third = (scene.guest() for _ in range(3))
    event_id = scene.event(first, second, third, capacity=1, title="Tea")
    assert first.delete(f"/events/{event_id}/register").is_success
    (told,) = scene.told()
    assert (told["kind"], told["user_id"]) == ("promoted", second.id)
    assert told["text"] == "✅ A seat is free, and it is yours: Tea\nSun, 3 January 2027, 12:00 (UTC)"
    assert scene.told() == []


def test_a_seat_that_was_given_back_is_not_told_of(scene: Scene) -> None:
    first, second = scene.guest(), scene.guest()
    event_id = scene.event(first, second, capacity=1)
    assert first.delete(f"/events/{event_id}/register").is_success
    assert second.delete(f"/events/{event_id}/register").is_success
    assert scene.told() == []


def test_approvals_and_refusals_are_told_as_such(scene: Scene) -> None:
    seated, waits, refused = (scene.guest() for _ in range(3))
    event_id = scene.event(seated, waits, refused, capacity=1, title="Tea", approval_required=True)
    for one in (seated, waits):
        assert scene.host.patch(f"/events/{event_id}/participants/{one.id}", json={"approved": True}).is_success
    assert scene.host.delete(f"/events/{event_id}/participants/{refused.id}").is_success
    told = {(one["kind"], one["user_id"]): one["text"].splitlines()[0] for one in scene.told()}
    assert told == {
        ("promoted", seated.id): "✅ A host has approved you, and you have a seat: Tea",
        ("reminders.approved", waits.id): "⏳ A host has approved you, and you are on the waiting list: Tea",
        ("reminders.removed", refused.id): "🚫 A host has not approved you: Tea",
    }
    assert scene.host.patch(f"/events/{event_id}/participants/{waits.id}", json={"guests": 0}).is_success
    assert scene.host.delete(f"/events/{event_id}/participants/{seated.id}").is_success
    told = {(one["kind"], one["user_id"]): one["text"].splitlines()[0] for one in scene.told()}
    assert told == {
        ("promoted", waits.id): "✅ A seat is free, and it is yours: Tea",
        ("reminders.removed", seated.id): "🚫 A host has removed you: Tea",
    }


def test_who_is_let_in_is_told_by_whom(scene: Scene) -> None:
    seated, waits = scene.guest(), scene.guest()
    event_id = scene.event(seated, waits, capacity=1, title="Tea")
    more = {"status": "registered", "raise_capacity": True}
    assert scene.host.patch(f"/events/{event_id}/participants/{waits.id}", json=more).is_success
    (told,) = scene.told()
    assert told["text"].splitlines()[0] == "✅ A host has given you a seat: Tea"


def test_cancelling_tells_everybody_once(scene: Scene) -> None:
    comes, waits, left = (scene.guest() for _ in range(3))
    event_id = scene.event(left, title="Tea")
    assert left.delete(f"/events/{event_id}/register").is_success
    scene.register(comes, event_id)
    assert scene.host.patch(f"/events/{event_id}", json={"capacity": 1}).is_success
    scene.register(waits, event_id)
    assert scene.host.post(f"/events/{event_id}/cancel").is_success
    told = scene.told()
    assert kinds(told) == sorted([("cancelled", comes.id), ("cancelled", waits.id)])
    assert {one["text"].splitlines()[0] for one in told} == {"❌ Cancelled: Tea"}
    assert scene.told(hours=47) == []


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


def test_people_who_answered_maybe_are_told_of_a_deletion(scene: Scene) -> None:
    maybe, declines = scene.guest(), scene.guest()
    event_id = scene.event()
    for guest, answer in ((maybe, "maybe"), (declines, "declined")):
        assert guest.put(f"/events/{event_id}/rsvp", json={"answer": answer}).is_success
    scene.settle()
    assert scene.host.delete(f"/events/{event_id}").is_success
    assert kinds(scene.told()) == [("reminders.deleted", maybe.id)]


def test_an_event_that_takes_place_after_all_reminds_again(scene: Scene) -> None:
    guest = scene.guest()
    event_id = scene.event(guest)
    scene.settle()
    assert scene.host.post(f"/events/{event_id}/cancel").is_success
    assert scene.host.patch(f"/events/{event_id}", json={"status": "published"}).is_success
    assert kinds(scene.told()) == []
    assert kinds(scene.told(hours=24)) == [("reminder", guest.id)]


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


def test_a_cancellation_that_was_told_and_is_undone_is_told(scene: Scene) -> None:
    comes, waits = scene.guest(), scene.guest()
    event_id = scene.event(comes, waits, capacity=1, title="Tea")
    scene.settle()
    assert scene.host.post(f"/events/{event_id}/cancel").is_success
    assert len(scene.told()) == 2
    assert scene.host.patch(f"/events/{event_id}", json={"status": "published"}).is_success
    told = scene.told()
    assert kinds(told) == sorted([("reminders.restored", comes.id), ("reminders.restored", waits.id)])
    assert told[0]["text"] == "✅ It takes place after all: Tea\nSun, 3 January 2027, 12:00 (UTC)"
    assert scene.told() == []


def test_a_deletion_is_told(scene: Scene) -> None:
    comes, waits, left, co_host = (scene.guest() for _ in range(4))
    event_id = scene.event(comes, left, waits, capacity=2, title="Tea", location="Here")
    assert left.delete(f"/events/{event_id}/register").is_success
    assert scene.host.post(f"/events/{event_id}/hosts", json={"user_id": co_host.id}).status_code == 201
    assert kinds(scene.told()) == sorted([("promoted", waits.id), ("reminders.host", co_host.id)])
    assert scene.host.delete(f"/events/{event_id}").is_success
    told = scene.told()
    assert kinds(told) == sorted(("reminders.deleted", one.id) for one in (comes, waits, co_host))
    assert {one["event_id"] for one in told} == {event_id}
    assert {one["text"] for one in told} == {"❌ Deleted: Tea\nSun, 3 January 2027, 12:00 (UTC)\nHere"}
    assert scene.told() == []


@pytest.fixture
def one_step(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Long tasks take one short step. Undo it to have them go on."""

    async def do_nothing(_: Any) -> bool:
        return True

    monkeypatch.setattr("eventorg.repositories.steps.SECONDS", 0.0)
    monkeypatch.setattr("eventorg.repositories.event_deletion._ROWS", 2)
    with monkeypatch.context() as one_step:
        one_step.setattr("eventorg.repositories.open_tasks.OpenTaskRepository.finish", do_nothing)
        yield one_step


def test_the_deletion_of_a_large_event_is_told_while_it_is_in_progress(
    scene: Scene, one_step: pytest.MonkeyPatch
) -> None:
    guests = [scene.guest() for _ in range(7)]
    event_id = scene.event(*guests, title="Tea", location="Here")
    scene.settle()
    assert scene.host.delete(f"/events/{event_id}").is_success
    told = scene.told()
    assert kinds(told) == sorted(("reminders.deleted", guest.id) for guest in guests)
    assert {one["text"] for one in told} == {"❌ Deleted: Tea\nSun, 3 January 2027, 12:00 (UTC)\nHere"}
    assert scene.told(hours=24) == [], "no reminder"
    one_step.undo()
    assert scene.told() == []


def test_what_waits_is_void_before_the_deletion_of_a_large_event_is_told(
    scene: Scene, one_step: pytest.MonkeyPatch
) -> None:
    guests = [scene.guest() for _ in range(7)]
    event_id = scene.event(*guests)
    assert scene.host.patch(f"/events/{event_id}", json={"location": "Here"}).is_success
    scene.settle()
    assert scene.host.delete(f"/events/{event_id}").is_success
    assert scene.told() == []
    one_step.undo()
    told = scene.server.wait_for(scene.told)
    while len(told) < len(guests):
        told += scene.told()
    assert kinds(told) == sorted(("reminders.deleted", guest.id) for guest in guests)


def test_an_organizer_who_deletes_the_account_deletes_events_which_is_told(scene: Scene) -> None:
    guest, organizer = scene.guest(), scene.guest()
    times = {"start_time": "2027-01-05T10:00:00Z", "end_time": "2027-01-05T12:00:00Z"}
    event_id = organizer.create_event(**times)["id"]
    scene.register(guest, event_id)
    scene.settle()
    assert organizer.delete("/users/me").is_success
    assert kinds(scene.told()) == [("reminders.deleted", guest.id)]


def test_the_deletion_of_an_event_that_was_cancelled_or_is_over_is_no_news(scene: Scene) -> None:
    guest = scene.guest()
    cancelled, over = scene.event(guest), scene.event(guest, hours=1)
    assert kinds(scene.told()) == [("reminder", guest.id)]
    assert scene.host.post(f"/events/{cancelled}/cancel").is_success
    assert kinds(scene.told()) == [("cancelled", guest.id)]
    assert scene.host.delete(f"/events/{cancelled}").is_success
    scene.told(hours=4)
    assert scene.host.delete(f"/events/{over}").is_success
    assert scene.told() == []


def test_who_is_removed_by_a_host_is_told_and_who_leaves_is_not(scene: Scene) -> None:
    removed, leaves = scene.guest(), scene.guest()
    event_id = scene.event(removed, leaves, title="Tea")
    assert scene.host.delete(f"/events/{event_id}/participants/{removed.id}").is_success
    assert leaves.delete(f"/events/{event_id}/register").is_success
    (told,) = scene.told()
    assert (told["kind"], told["user_id"]) == ("reminders.removed", removed.id)
    assert told["text"].splitlines()[0] == "🚫 A host has removed you: Tea"


def test_who_is_made_co_host_is_told_unless_that_has_ended(scene: Scene) -> None:
    stays, leaves = scene.guest(), scene.guest()
    event_id = scene.event(title="Tea")
    for one in (stays, leaves):
        assert scene.host.post(f"/events/{event_id}/hosts", json={"user_id": one.id}).status_code == 201
    assert leaves.delete(f"/events/{event_id}/hosts/{leaves.id}").is_success
    (told,) = scene.told()
    assert (told["kind"], told["user_id"]) == ("reminders.host", stays.id)


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
