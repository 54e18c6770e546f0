"""The deletion of an account: it is invisible at once, and deleted in steps with other writes in between."""

import sqlite3
from contextlib import closing

from eventorg.testing import Server, check_problem
from tests import telegram
from tests.api.attendance import counts, participants, register
from tests.repositories.tasks import PARTIES, busy_account, finish_here, kinds, query, told


def test_an_account_is_invisible_from_the_first_step(idle: Server) -> None:
    user, host, own, attended = busy_account(idle)
    bot = idle.make_bot("act")
    telegram_id = telegram.new_id()
    telegram.link(bot, telegram_id, user)
    assert user.delete("/users/me").status_code == 200
    assert kinds(idle.settings) == ["delete_user"]
    check_problem(user.get("/users/me"), 401, "token_revoked")
    check_problem(host.get(f"/users/{user.id}"), 404, "user_not_found")
    check_problem(bot.acting_for(user.id).get("/users/me"), 404, "user_not_found")
    check_problem(bot.get(f"/identities/telegram/{telegram_id}"), 404, "identity_not_found")
    login = {"email": user.account["email"], "password": "correct horse battery"}
    check_problem(idle.client.post("/login", json=login), 401, "invalid_credentials")
    check_problem(host.post(f"{attended[0]}/hosts", json={"user_id": user.id}), 404, "user_not_found")
    for url in own:
        check_problem(host.get(url), 404, "event_not_found")
        check_problem(host.post(f"{url}/register"), 404, "event_not_found")
    assert idle.client.get("/events?q=Own").json()["events"] == []
    assert idle.client.get(f"/events?organizer_id={user.id}").json()["events"] == []
    mine = host.get("/users/me/events").json()["participated_events"]
    assert {f"/events/{event['id']}" for event in mine} == set(attended)
    assert user.id not in idle.run("user", "list")
    assert idle.sign_up(username="leaver", email=user.account["email"]).id != user.id


def test_a_deletion_in_steps_ends_like_one_at_once(idle: Server) -> None:
    user, host, own, attended = busy_account(idle)
    assert user.delete("/users/me").status_code == 200
    passed_on = [url for url in attended if counts(url, host) == (1, 0)]
    assert len(passed_on) == PARTIES, "the first parties move at once"
    finish_here(idle)
    for url in attended:
        assert participants(url, host) == [(host.id, "registered", None)]
    assert len(told(host, "registration.promoted")) == len(attended)
    bot = idle.make_bot("changes")
    changes = bot.get("/changes?limit=1000").json()["changes"]
    ended = [change for change in changes if change["type"] == "registration.cancelled"]
    assert {f"/events/{change['event_id']}" for change in ended} == set(attended)
    deleted = [change["event_id"] for change in changes if change["type"] == "event.deleted"]
    assert {f"/events/{event_id}" for event_id in deleted} == set(own)
    assert len(deleted) == len(own)
    assert [change["user_id"] for change in changes if change["type"] == "user.deleted"] == [user.id]
    assert query(idle.settings, f"SELECT 1 FROM users WHERE id = '{user.id}'") == []


def test_an_event_that_passes_to_a_co_host_stays_visible(idle: Server) -> None:
    user, host, own, _ = busy_account(idle)
    heir, idler = idle.sign_up(), idle.sign_up()
    for co_host in (heir, idler):
        user.post(f"{own[3]}/hosts", json={"user_id": co_host.id})
    heir.patch(own[3], json={"title": "Ours"})
    user.delete("/users/me")
    assert idle.client.get(own[3]).json()["title"] == "Ours"
    assert [event["title"] for event in idle.client.get("/events?q=Ours").json()["events"]] == ["Ours"]
    finish_here(idle)
    assert host.get(own[3]).json()["organizer_id"] == heir.id


def test_an_answer_to_an_event_that_passes_on_between_the_steps_is_counted_off(idle: Server) -> None:
    user, _, own, _ = busy_account(idle)
    heir = idle.sign_up()
    user.post(f"{own[3]}/hosts", json={"user_id": heir.id})
    assert user.put(f"{own[3]}/rsvp", json={"answer": "maybe"}).status_code == 200
    user.delete("/users/me")
    with closing(sqlite3.connect(idle.settings.database_path)) as file, file:  # as the merge of two co-hosts does
        file.execute("UPDATE event_hosts SET acted_at = added_at WHERE user_id = ?", (heir.id,))
    finish_here(idle)
    event = idle.client.get(own[3]).json()
    assert (event["organizer_id"], event["maybe_count"]) == (heir.id, 0)


def test_an_event_whose_last_heir_is_deleted_too_ends(idle: Server) -> None:
    user, _, own, _ = busy_account(idle)
    heir = idle.sign_up()
    user.post(f"{own[3]}/hosts", json={"user_id": heir.id})
    heir.patch(own[3], json={"title": "Ours"})
    user.delete("/users/me")
    register(own[3], *[idle.sign_up() for _ in range(2)])
    heir.delete("/users/me")
    check_problem(idle.client.get(own[3]), 404, "event_not_found")
    finish_here(idle)
    assert query(idle.settings, "SELECT count(*) FROM users WHERE closing IS NOT NULL") == [(0,)]


def test_the_roles_of_a_deleted_account_end_in_steps(idle: Server) -> None:
    host, co_host = idle.sign_up(), idle.sign_up()
    urls = [f"/events/{host.create_event()['id']}" for _ in range(3)]
    for url in urls:
        host.post(f"{url}/hosts", json={"user_id": co_host.id})
    after = host.get("/changes?after=latest").json()["next"]
    co_host.delete("/users/me")
    assert kinds(idle.settings) == ["delete_user"]
    finish_here(idle)
    changes = host.get(f"/changes?after={after}").json()["changes"]
    assert [change["type"] for change in changes] == ["event.updated"] * 3
    assert {f"/events/{change['event_id']}" for change in changes} == set(urls)
    assert {(change["user_id"], *change["data"]["changed"]) for change in changes} == {(co_host.id, "hosts")}
    for url in urls:
        assert [one["user_id"] for one in host.get(f"{url}/hosts").json()["hosts"]] == [host.id]


def test_the_roles_at_events_that_end_too_are_not_told(idle: Server) -> None:
    host, co_host, bot = idle.sign_up(), idle.sign_up(), idle.make_bot("changes")
    url = f"/events/{host.create_event()['id']}"
    host.post(f"{url}/hosts", json={"user_id": co_host.id})
    for number in range(2):
        host.create_event(title=f"Of the host {number}")
    after = bot.get("/changes?after=latest").json()["next"]
    host.delete("/users/me")
    co_host.delete("/users/me")
    finish_here(idle)
    types = [change["type"] for change in bot.get(f"/changes?after={after}").json()["changes"]]
    assert sorted(types) == ["event.deleted"] * 3 + ["user.deleted"] * 2
