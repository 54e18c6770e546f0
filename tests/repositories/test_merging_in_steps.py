"""The merge of a large account, in steps with other writes in between."""

from eventorg.testing import Server, User, check_problem
from tests import telegram
from tests.api.attendance import counts, participants, register
from tests.repositories.tasks import PARTIES, finish_here, kinds, query


def merged(server: Server, attended: int) -> tuple[User, User, str, list[str]]:
    """Returns the heir, a host, the id of the merged user, and the URLs of the events that the latter attended."""
    bot, host, heir = server.make_bot("act"), server.sign_up(), server.sign_up()
    telegram_id = telegram.new_id()
    user_id = bot.put(f"/identities/telegram/{telegram_id}", json={"first_name": "Anna"}).json()["id"]
    acting = bot.acting_for(user_id)
    urls = [f"/events/{host.create_event(capacity=2)['id']}" for _ in range(attended)]
    for number, url in enumerate(urls):
        register(url, acting, host, *([heir] if number % 2 else []))
    for _ in range(3):
        acting.create_event(title="Of the account")
    host.post(f"{urls[0]}/hosts", json={"user_id": user_id})
    acting.patch(urls[0], json={"title": "Ours"})
    telegram.link(bot, telegram_id, heir)
    return heir, host, user_id, urls


def test_a_merge_in_steps_loses_nothing(idle: Server) -> None:
    heir, host, user_id, urls = merged(idle, 2 * PARTIES)
    assert kinds(idle.settings) == ["merge_users"]
    check_problem(host.get(f"/users/{user_id}"), 404, "user_not_found")
    found = idle.client.get("/events?q=account").json()["events"]
    assert len(found) == 3, "events that only change hands stay visible"
    finish_here(idle)
    for url in urls:
        assert (heir.id, "registered", None) in participants(url, host)
        assert counts(url, host) == (2, 0)
    organized = heir.get("/users/me/events").json()["organized_events"]
    assert sorted(event["title"] for event in organized) == ["Of the account"] * 3 + ["Ours"]
    host.delete("/users/me")
    finish_here(idle)
    assert heir.get(urls[0]).json()["organizer_id"] == heir.id, "the heir has acted as a host, as the account had"
    assert query(idle.settings, f"SELECT 1 FROM users WHERE id = '{user_id}'") == []


def test_an_heir_is_deleted_after_what_is_merged_into_it(idle: Server) -> None:
    heir, host, user_id, urls = merged(idle, 2 * PARTIES)
    heir.delete("/users/me")
    assert kinds(idle.settings) == ["merge_users", "delete_user"]
    finish_here(idle)
    for url in urls:
        assert participants(url, host) == [(host.id, "registered", None)]
    gone = f"SELECT 1 FROM users WHERE id IN ('{user_id}', '{heir.id}')"
    assert query(idle.settings, gone) == []
