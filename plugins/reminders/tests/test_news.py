"""Messages about seats, approvals, roles, and cancelled events."""

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


def test_an_event_that_takes_place_after_all_reminds_again(scene: Scene) -> None:
    guest = scene.guest()
    event_id = scene.event(guest)
    scene.settle()
    assert scene.host.post(f"/events/{event_id}/cancel").is_success
    assert scene.host.patch(f"/events/{event_id}", json={"status": "published"}).is_success
    assert kinds(scene.told()) == []
    assert kinds(scene.told(hours=24)) == [("reminder", guest.id)]


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
