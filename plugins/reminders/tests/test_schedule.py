"""Tests who is reminded and when, with a clock that the tests move."""

from datetime import UTC, datetime, timedelta

from .scene import Scene, kinds, rfc3339


def test_reminders_come_a_day_and_an_hour_before_and_never_early(scene: Scene) -> None:
    guest = scene.guest()
    event_id = scene.event(guest)
    start = scene.clock.now + timedelta(hours=48)
    assert scene.told(hours=23, minutes=59, seconds=20) == []  # and ten seconds more
    (first,) = scene.told(seconds=20)
    assert first["due_at"] == rfc3339(start - timedelta(hours=24)) <= rfc3339(scene.clock.now)
    assert scene.told(hours=22, minutes=59) == []
    (second,) = scene.told(minutes=1)
    assert second["due_at"] == rfc3339(start - timedelta(hours=1))
    assert scene.told(minutes=59) == scene.told(hours=1) == []
    assert first | {"id": "", "text": ""} == {
        "id": "",
        "dedupe_key": f"reminder:{event_id}:{guest.id}:PT24H:{rfc3339(start)}",
        "kind": "reminder",
        "channel": "telegram",
        "user_id": guest.id,
        "telegram_id": guest.account["telegram_id"],
        "locale": "en",
        "event_id": event_id,
        "text": "",
        "due_at": first["due_at"],
    }


def test_texts_are_in_the_users_language_and_zone(scene: Scene) -> None:
    english = scene.guest(timezone="America/New_York")
    russian = scene.guest(locale="ru", timezone="Europe/Moscow")
    scene.event(english, russian, title="Чай", location="Арбат, 1", timezone="Asia/Tokyo")
    texts = {one["user_id"]: one["text"] for one in scene.told(hours=24)}
    assert texts == {
        english.id: "⏰ Reminder: Чай\nSun, 3 January 2027, 07:00 (America/New_York)\nАрбат, 1",
        russian.id: "⏰ Напоминание: Чай\nвс, 3 января 2027, 15:00 (Europe/Moscow)\nАрбат, 1",
    }


def test_who_has_chosen_no_zone_reads_the_time_in_that_of_the_event(scene: Scene) -> None:
    scene.event(scene.guest(), title="Tea", timezone="Asia/Tokyo")
    (told,) = scene.told(hours=24)
    assert told["text"] == "⏰ Reminder: Tea\nSun, 3 January 2027, 21:00 (Asia/Tokyo)"


def test_an_hour_that_comes_twice_has_its_offset(scene: Scene) -> None:
    scene.clock.now = datetime(2027, 10, 30, 0, 30, tzinfo=UTC)
    scene.host = scene.guest()
    guest = scene.guest()
    for hours in (23.5, 24.5, 25.5):
        scene.event(guest, title="Tea", timezone="Europe/Berlin", hours=hours)
    told = scene.told(hours=22.6)
    assert sorted(one["text"].splitlines()[1] for one in told if ":PT1H:" in one["dedupe_key"]) == [
        "Sun, 31 October 2027, 02:00 GMT+02:00 (Europe/Berlin)",
    ]
    told = scene.told(hours=1)
    assert [one["text"].splitlines()[1] for one in told] == ["Sun, 31 October 2027, 02:00 GMT+01:00 (Europe/Berlin)"]
    told = scene.told(hours=1)
    assert [one["text"].splitlines()[1] for one in told] == ["Sun, 31 October 2027, 03:00 (Europe/Berlin)"]


def test_the_text_is_made_when_it_is_leased(scene: Scene) -> None:
    guest = scene.guest()
    event_id = scene.event(guest)
    scene.clock.advance(hours=24)
    scene.settle()
    assert scene.host.patch(f"/events/{event_id}", json={"title": "Renamed"}).status_code == 200
    assert [one["text"].splitlines()[0] for one in scene.told()] == ["⏰ Reminder: Renamed"]


def test_only_those_who_are_still_to_come_are_reminded(scene: Scene) -> None:
    comes, waits, left, removed, attended = guests = [scene.guest() for _ in range(5)]
    event_id = scene.event(comes, left, removed, attended, capacity=4)
    scene.register(waits, event_id)
    assert scene.host.patch(f"/events/{event_id}/participants/{attended.id}", json={"status": "attended"}).is_success
    assert scene.host.patch(f"/events/{event_id}", json={"waitlist": True}).is_success
    full = scene.event(left, removed)
    assert left.delete(f"/events/{full}/register").is_success
    assert scene.host.delete(f"/events/{full}/participants/{removed.id}").is_success
    assert kinds(scene.told()) == [("reminders.removed", removed.id)]
    told = scene.told(hours=24)
    assert kinds(told) == sorted(("reminder", one.id) for one in guests if one not in (waits, attended))
    assert {one["event_id"] for one in told} == {event_id}


def test_the_hosts_offsets_count_unless_the_user_has_some(scene: Scene) -> None:
    follows, own, silent, back = (scene.guest() for _ in range(4))
    event_id = scene.event(follows, own, silent, back, hours=10)
    scene.remind(scene.host, "PT3H", event_id=event_id)
    scene.remind(own, "PT5H", "PT4H")
    scene.remind(silent)
    scene.remind(back)
    assert back.delete("/users/me/reminders").status_code == 204
    assert kinds(scene.told(hours=5)) == [("reminder", own.id)]
    assert kinds(scene.told(hours=1)) == [("reminder", own.id)]
    assert kinds(scene.told(hours=1)) == sorted([("reminder", follows.id), ("reminder", back.id)])
    assert scene.told(hours=2) == []


def test_an_event_without_offsets_reminds_nobody_but_those_with_their_own(scene: Scene) -> None:
    follows, own = scene.guest(), scene.guest()
    event_id = scene.event(follows, own, hours=30)
    scene.remind(scene.host, event_id=event_id)
    scene.remind(own, "PT2H")
    assert kinds(scene.told(hours=29)) == [("reminder", own.id)]


def test_a_reminder_at_the_start_itself(scene: Scene) -> None:
    guest = scene.guest()
    scene.event(guest, hours=30)
    scene.remind(guest, "PT0S")
    assert kinds(scene.told(hours=30)) == [("reminder", guest.id)]


def test_reminders_move_with_the_event(scene: Scene) -> None:
    guest = scene.guest()
    event_id = scene.event(guest)
    (before,) = scene.told(hours=24)
    scene.move(event_id, hours=100)
    assert [one["kind"] for one in scene.told(hours=30)] == ["changed"]
    (after,) = scene.told(hours=46)
    assert after["kind"] == "reminder"
    assert after["dedupe_key"] != before["dedupe_key"]
    scene.move(event_id, hours=1)
    assert sorted(one["kind"] for one in scene.told()) == ["changed", "reminder"]


def test_a_reminder_that_waits_is_void_once_the_event_moves(scene: Scene) -> None:
    guest = scene.guest()
    event_id = scene.event(guest)
    scene.clock.advance(hours=24)
    scene.settle()
    scene.move(event_id, hours=60)
    assert [one["kind"] for one in scene.told()] == ["changed"]


def test_what_is_void_is_not_told(scene: Scene) -> None:
    """The reminders wait in the outbox by the time something comes between."""
    cancels, leaves, gone, stays = (scene.guest() for _ in range(4))
    cancelled = scene.event(cancels)
    deleted = scene.event(stays)
    scene.event(gone)
    left = scene.event(leaves)
    kept = scene.event(stays)
    scene.clock.advance(hours=24)
    scene.settle()
    assert scene.host.post(f"/events/{cancelled}/cancel").is_success
    assert scene.host.delete(f"/events/{deleted}").is_success
    assert leaves.delete(f"/events/{left}/register").is_success
    assert gone.delete("/users/me").is_success
    told = scene.told()
    expected = [("cancelled", cancels.id), ("reminder", stays.id), ("reminders.deleted", stays.id)]
    assert kinds(told) == sorted(expected)
    assert {one["event_id"] for one in told} == {cancelled, deleted, kept}


def test_after_a_day_of_downtime_one_late_reminder_at_most(scene: Scene) -> None:
    guest = scene.guest()
    scene.event(guest)
    soon = scene.event(guest, hours=47.5)
    over = scene.event(guest, hours=30)
    began = scene.event(guest, hours=46.5)
    scene.remind(scene.host, "PT40H", "PT20H", "PT2H", event_id=soon)
    told = scene.told(hours=47, minutes=10)
    assert {one["event_id"] for one in told}.isdisjoint({over, began})
    assert [one["dedupe_key"].split(":")[3] for one in told] == ["PT2H", "PT1H"]
    assert scene.told(minutes=5) == []


def test_when_the_bot_was_away_only_the_latest_reminder_is_told(scene: Scene) -> None:
    guest = scene.guest()
    scene.event(guest)
    scene.clock.advance(hours=24)
    scene.settle()
    scene.clock.advance(hours=23)
    scene.settle()
    assert [one["dedupe_key"].split(":")[3] for one in scene.told()] == ["PT1H"]


def test_when_the_bot_was_away_nothing_of_a_begun_event_is_told(scene: Scene) -> None:
    guest = scene.guest()
    scene.event(guest)
    scene.clock.advance(hours=47)
    scene.settle()
    assert scene.told(hours=1) == []


def test_a_clock_that_jumps_there_and_back_reminds_once(scene: Scene) -> None:
    guest = scene.guest()
    scene.event(guest)
    assert len(scene.told(hours=24)) == 1
    scene.clock.advance(hours=-24)
    assert scene.told() == []
    assert scene.told(hours=24) == []
    assert len(scene.told(hours=23)) == 1


def test_who_registers_late_is_reminded_of_what_is_to_come(scene: Scene) -> None:
    guest, last_minute = scene.guest(), scene.guest()
    event_id = scene.event(guest, hours=20)
    assert scene.told() == []  # the one of 24 hours is past, that of one hour will come
    assert kinds(scene.told(hours=19)) == [("reminder", guest.id)]
    scene.register(last_minute, event_id)
    assert kinds(scene.told()) == [("reminder", last_minute.id)]


def test_offsets_set_late_do_not_remind_twice(scene: Scene) -> None:
    guest = scene.guest()
    event_id = scene.event(guest)
    assert len(scene.told(hours=47)) == 1
    scene.remind(scene.host, "PT30H", "PT2H", event_id=event_id)
    assert scene.told() == []
    scene.remind(guest, "PT30M")
    assert len(scene.told(minutes=30)) == 1


def test_a_draft_that_is_published_reminds(scene: Scene) -> None:
    guest = scene.guest()
    event_id = scene.event(status="draft")
    assert scene.host.patch(f"/events/{event_id}", json={"status": "published"}).is_success
    scene.register(guest, event_id)
    assert kinds(scene.told(hours=24)) == [("reminder", guest.id)]


def test_users_who_cannot_be_reached_cost_nothing(scene: Scene) -> None:
    nobody = scene.server.sign_up()  # an email address, and no mail server
    event_id = scene.event()
    assert nobody.post(f"/events/{event_id}/register").status_code == 201
    assert scene.told(hours=24) == []
