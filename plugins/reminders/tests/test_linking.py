"""Pending messages move with a person who links a Telegram account to an account with a password."""

from eventorg.testing import User

from .scene import Scene, kinds


def link(scene: Scene, gone: User, stays: User) -> None:
    stays.token = scene.server.log_in(stays.account["email"])  # the clock has moved on by more than a login lasts
    code = stays.post("/users/me/link-codes").json()["code"]
    linked = scene.bot.post(f"/identities/telegram/{gone.account['telegram_id']}/link", json={"code": code})
    assert linked.status_code == 200, linked.text


def test_a_reminder_that_was_told_is_not_told_again_and_the_next_one_is(scene: Scene) -> None:
    gone, stays = scene.guest(), scene.server.sign_up(locale="en")
    event_id = scene.event(gone)
    assert stays.post(f"/events/{event_id}/register").status_code == 201
    assert kinds(scene.told(hours=24)) == [("reminder", gone.id)]
    link(scene, gone, stays)
    assert scene.told() == []
    assert kinds(scene.told(hours=23)) == [("reminder", stays.id)]


def test_a_reminder_that_waits_or_is_held_moves(scene: Scene) -> None:
    gone, stays = scene.guest(), scene.server.sign_up(locale="en")
    events = [scene.event(gone) for _ in range(2)]
    scene.clock.advance(hours=24)
    scene.settle()
    (held,) = scene.lease(limit=1)
    link(scene, gone, stays)
    (waiting,) = scene.lease()
    assert waiting["user_id"] == stays.id
    assert {held["event_id"], waiting["event_id"]} == set(events)
    assert scene.ack(held)["state"] == "sent"
    assert scene.ack(waiting)["state"] == "sent"
    assert scene.told() == []


def test_own_reminder_settings_move_unless_the_user_has_some(scene: Scene) -> None:
    for own, expected in ((None, "PT3H"), ("PT5H", "PT5H")):
        gone, stays = scene.guest(), scene.server.sign_up()
        scene.remind(gone, "PT3H")
        if own:
            scene.remind(stays, own)
        link(scene, gone, stays)
        assert stays.get("/users/me/reminders").json() == [{"before": expected}]
