"""Messages about events that are deleted, also in steps."""

from collections.abc import Iterator
from typing import Any

import pytest

from .scene import Scene, kinds


def test_people_who_answered_maybe_are_told_of_a_deletion(scene: Scene) -> None:
    maybe, declines = scene.guest(), scene.guest()
    event_id = scene.event()
    for guest, answer in ((maybe, "maybe"), (declines, "declined")):
        assert guest.put(f"/events/{event_id}/rsvp", json={"answer": answer}).is_success
    scene.settle()
    assert scene.host.delete(f"/events/{event_id}").is_success
    assert kinds(scene.told()) == [("reminders.deleted", maybe.id)]


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
