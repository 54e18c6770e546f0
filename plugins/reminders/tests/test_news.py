"""Messages about a free seat, a new time or place, and a cancelled event."""

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
    assert told[0]["text"] == "✏️ New time or place: Tea!\nSun, 3 January 2027, 12:00 (UTC)\nHere"


def test_several_changes_that_nobody_has_heard_of_are_told_together(scene: Scene) -> None:
    guest = scene.guest()
    event_id = scene.event(guest)
    for place in ("Here", "There", "Anywhere"):
        assert scene.host.patch(f"/events/{event_id}", json={"location": place}).is_success
        scene.settle()
    (told,) = scene.told()
    assert told["text"].endswith("Anywhere")
