"""The deletion of an event: it is invisible at once, and deleted in steps with other writes in between."""

import msgspec
import pytest

from eventorg.repositories.open_tasks import OpenTaskRepository
from eventorg.settings import Settings
from eventorg.storage.invariants import find_miscounts
from eventorg.testing import Server, User, check_problem, running
from tests import telegram
from tests.api.attendance import register
from tests.repositories.tasks import PARTIES, finish_here, kinds, query


def large_event(server: Server) -> tuple[User, User, list[User], str]:
    """Returns the organizer, a co-host, the participants of an event, and its URL."""
    organizer, co_host, *guests = (server.sign_up() for _ in range(2 + 3 * PARTIES))
    url = f"/events/{organizer.create_event(title='Large', capacity=2 * PARTIES, metadata={'kind': 'large'})['id']}"
    organizer.post(f"{url}/hosts", json={"user_id": co_host.id})
    co_host.patch(url, json={"location": "Upstairs"})
    register(url, *guests)
    return organizer, co_host, guests, url


def since(user: User, after: int) -> list[tuple[str, str]]:
    """Returns the types of the changes after a number, with the event or the user that they are about."""
    changes = user.get(f"/changes?after={after}&limit=1000").json()["changes"]
    return [(change["type"], change["event_id"] or change["user_id"]) for change in changes]


def test_an_event_is_invisible_from_the_first_step_of_its_deletion(idle: Server) -> None:
    organizer, co_host, guests, url = large_event(idle)
    assert organizer.delete(url).status_code == 200
    assert kinds(idle.settings) == ["delete_event"]
    for user in (organizer, co_host, guests[0]):
        check_problem(user.get(url), 404, "event_not_found")
        mine = user.get("/users/me/events").json()
        assert (mine["organized_events"], mine["participated_events"]) == ([], [])
        assert user.get("/users/me/events?limit=1").json()["events"] == []
        assert user.get("/events?metadata.kind=large").json()["events"] == []
        assert user.get("/events?q=Large").json()["events"] == []
        assert user.get("/users/me/export").json()["events"] == []
    check_problem(organizer.delete(url), 404, "event_not_found")
    check_problem(guests[0].delete(f"{url}/register"), 404, "event_not_found")
    check_problem(idle.sign_up().post(f"{url}/register"), 404, "event_not_found")
    assert find_miscounts(idle.settings.database_path) == []
    finish_here(idle)
    for table in ("events", "registrations", "event_hosts"):
        assert query(idle.settings, f"SELECT count(*) FROM {table}") == [(0,)]


def test_the_deletion_of_an_event_is_told_once_and_alone_to_everybody_concerned(idle: Server) -> None:
    organizer, co_host, guests, url = large_event(idle)
    bot = idle.make_bot("changes")
    after = bot.get("/changes?after=latest").json()["next"]
    organizer.delete(url)
    expected = [("event.deleted", url.removeprefix("/events/"))]
    everybody = (bot, organizer, co_host, *guests)
    assert [since(user, after) for user in everybody] == [expected] * len(everybody), "from the first step on"
    finish_here(idle)
    assert [since(user, after) for user in everybody] == [expected] * len(everybody)
    assert query(idle.settings, "SELECT count(*) FROM change_audience") == [(len(everybody) - 1,)]


def test_an_account_is_deleted_after_its_event_that_is_being_deleted(idle: Server) -> None:
    organizer, co_host, guests, url = large_event(idle)
    bot = idle.make_bot("changes")
    after = bot.get("/changes?after=latest").json()["next"]
    organizer.delete(url)
    for user in (organizer, co_host, guests[-1]):
        assert user.delete("/users/me").status_code == 200
    finish_here(idle)
    kept = [("event.deleted", url.removeprefix("/events/"))]
    gone = [("user.deleted", user.id) for user in (organizer, co_host, guests[-1])]
    assert sorted(since(bot, after)) == kept + sorted(gone)
    assert since(guests[0], after) == kept


def test_a_merge_tells_nothing_of_an_event_that_is_being_deleted(idle: Server) -> None:
    organizer, _, _, url = large_event(idle)
    bot, user = idle.make_bot("act", "changes"), idle.sign_up()
    telegram_id = telegram.new_id()
    user_id = bot.put(f"/identities/telegram/{telegram_id}", json={"first_name": "Anna"}).json()["id"]
    register(url, bot.acting_for(user_id))
    organizer.post(f"{url}/hosts", json={"user_id": user_id})
    after = bot.get("/changes?after=latest").json()["next"]
    organizer.delete(url)
    telegram.link(bot, telegram_id, user)
    finish_here(idle)
    assert {kind for kind, _ in since(bot, after)} == {"event.deleted", "user.updated", "user.deleted"}
    assert since(user, after)[0] == ("event.deleted", url.removeprefix("/events/"))


def test_a_deleted_event_does_not_count_for_the_limit(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async def do_nothing(_: OpenTaskRepository) -> bool:
        return True

    monkeypatch.setattr(OpenTaskRepository, "finish", do_nothing)
    with running(msgspec.structs.replace(settings, events_per_user=1)) as server:
        organizer, _, _, url = large_event(server)
        organizer.delete(url)
        assert kinds(server.settings) == ["delete_event"]
        assert organizer.create_event()["title"]
