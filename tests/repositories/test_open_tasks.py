"""Tasks that are too long for one transaction: invisible at once, done in steps, with other writes in between."""

import random
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from eventorg.repositories.open_tasks import OpenTaskRepository
from eventorg.repositories.seats import Seats
from eventorg.settings import Settings
from eventorg.storage.invariants import find_miscounts
from eventorg.testing import Server, User, check_problem, running
from tests import telegram
from tests.api.attendance import counts, participants, register

PARTIES = 3
"""The number of parties that one step moves in these tests."""
finish = OpenTaskRepository.finish


@pytest.fixture(autouse=True)
def short_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventorg.repositories.steps.SECONDS", 0.0)
    monkeypatch.setattr("eventorg.repositories.steps.MIN_PARTIES", PARTIES)
    monkeypatch.setattr("eventorg.repositories.event_deletion._ROWS", PARTIES)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(plugins="none", database=str(tmp_path / "eventorg.db"), log_level="error")


@pytest.fixture
def idle(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that takes the first step of each task and no other."""

    async def do_nothing(_: OpenTaskRepository) -> bool:
        return True

    monkeypatch.setattr(OpenTaskRepository, "finish", do_nothing)
    with running(settings) as server:
        yield server


def query(settings: Settings, sql: str) -> list[Any]:
    with closing(sqlite3.connect(settings.database_path)) as file:
        return file.execute(sql).fetchall()


def kinds(settings: Settings) -> list[str]:
    return [kind for (kind,) in query(settings, "SELECT kind FROM open_tasks ORDER BY seq")]


def finish_here(server: Server) -> None:
    """Carries the open tasks out, as the server does in the background."""
    assert server._on_its_loop(finish(server._core.open_tasks))
    assert kinds(server.settings) == []
    assert find_miscounts(server.settings.database_path) == []


def told(user: User, kind: str) -> list[str]:
    return [change["user_id"] for change in user.get("/changes?limit=1000").json()["changes"] if change["type"] == kind]


def busy_account(server: Server) -> tuple[User, User, list[str], list[str]]:
    """Returns a user and a host, the URLs of the events that the user organizes, and of those the user attends."""
    user, host = server.sign_up(username="leaver"), server.sign_up()
    own = [f"/events/{user.create_event(title=f'Own {number}')['id']}" for number in range(4)]
    attended = [f"/events/{host.create_event(capacity=1)['id']}" for _ in range(2 * PARTIES)]
    for url in attended:
        register(url, user, host)
    register(own[0], user, host)
    return user, host, own, attended


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


def test_a_deletion_goes_on_after_a_crash(idle: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    user, host, _, attended = busy_account(idle)
    user.delete("/users/me")
    assert kinds(idle.settings) == ["delete_user"]
    monkeypatch.setattr(OpenTaskRepository, "finish", finish)
    idle.wait_for(lambda: kinds(idle.settings) == [])
    for url in attended:
        assert participants(url, host) == [(host.id, "registered", None)]


def test_a_restarted_server_takes_tasks_up_again(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(settings) as server:
        monkeypatch.setattr(server._core.open_tasks, "_kinds", {})
        user, host, _, attended = busy_account(server)
        user.delete("/users/me")
        assert kinds(settings) == ["delete_user"]
    with running(settings) as server:
        host.client = server.client
        server.wait_for(lambda: kinds(settings) == [])
        for url in attended:
            assert participants(url, host) == [(host.id, "registered", None)]
    assert find_miscounts(settings.database_path) == []


def test_newcomers_join_the_line_while_it_is_being_seated(idle: Server) -> None:
    host, late, latest = (idle.sign_up() for _ in range(3))
    line = [idle.sign_up() for _ in range(3 * PARTIES)]
    url = f"/events/{host.create_event(capacity=1)['id']}"
    register(url, host, *line)
    seats = 1 + len(line) + 1
    answer = host.patch(url, json={"capacity": seats}).json()
    assert (answer["registered_count"], answer["waitlisted_count"]) == (1 + PARTIES, len(line) - PARTIES)
    assert kinds(idle.settings) == ["fill_seats"]
    (joined,) = register(url, late)
    assert (joined["status"], joined["waitlist_position"]) == ("waitlisted", len(line) - PARTIES + 1)
    assert host.delete(f"{url}/register").status_code == 200, "its seat goes to nobody out of turn"
    assert counts(url, host) == (PARTIES, len(line) - PARTIES + 1)
    finish_here(idle)
    assert participants(url, host) == [(user.id, "registered", None) for user in (*line, late)]
    assert register(url, latest)[0]["status"] == "registered", "and after it newcomers get seats again"


def test_an_event_without_a_line_takes_newcomers_for_whom_a_seat_remains(idle: Server) -> None:
    host, late, latest = (idle.sign_up() for _ in range(3))
    line = [idle.sign_up() for _ in range(2 * PARTIES)]
    url = f"/events/{host.create_event(capacity=1)['id']}"
    register(url, host, *line)
    host.patch(url, json={"capacity": 1 + len(line) + 1, "waitlist": False})
    assert register(url, late)[0]["status"] == "waitlisted"
    check_problem(latest.post(f"{url}/register"), 409, "event_full")
    finish_here(idle)
    assert participants(url, host, "?status=registered") == [
        (user.id, "registered", None) for user in (host, *line, late)
    ]


@pytest.mark.parametrize("change", [{"status": "cancelled"}, {"capacity": 1}])
def test_a_change_ends_the_seating(idle: Server, change: dict[str, Any]) -> None:
    host, *line = (idle.sign_up() for _ in range(2 * PARTIES))
    url = f"/events/{host.create_event(capacity=1)['id']}"
    register(url, host, *line)
    host.patch(url, json={"capacity": None})
    host.patch(url, json=change)
    finish_here(idle)
    assert counts(url, host) == (1 + PARTIES, len(line) - PARTIES)


def test_the_deletion_of_an_event_takes_the_place_of_its_seating(idle: Server) -> None:
    host, *line = (idle.sign_up() for _ in range(2 * PARTIES))
    url = f"/events/{host.create_event(capacity=1)['id']}"
    register(url, host, *line)
    host.patch(url, json={"capacity": None})
    assert kinds(idle.settings) == ["fill_seats"]
    assert host.delete(url).status_code == 200
    assert kinds(idle.settings) == ["delete_event"]
    finish_here(idle)
    assert len(told(host, "registration.promoted")) == PARTIES, "those of the first step"


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


def test_a_task_that_fails_does_not_stop_the_others(idle: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    host, *line = (idle.sign_up() for _ in range(2 * PARTIES))
    url = f"/events/{host.create_event(capacity=1)['id']}"
    register(url, host, *line)
    host.patch(url, json={"capacity": None})
    user, *_ = busy_account(idle)
    user.delete("/users/me")
    assert kinds(idle.settings) == ["fill_seats", "delete_user"]

    def fail(*_: Any) -> bool:
        raise LookupError("broken")

    tasks = idle._core.open_tasks
    advances = dict(tasks._kinds)
    with monkeypatch.context() as broken:
        broken.setattr(tasks, "_kinds", advances | {"fill_seats": fail})
        assert not idle._on_its_loop(finish(tasks))
    assert kinds(idle.settings) == ["fill_seats"]
    finish_here(idle)


IDLE_SEATS = """
    SELECT id FROM events
    WHERE status = 'published' AND waitlisted_count > 0 AND (capacity IS NULL OR registered_count < capacity)
"""


def storm(server: Server, urls: list[str], host: User, users: list[User], seed: int) -> None:
    """Registers, leaves, changes capacities and deletes accounts at random."""
    chance = random.Random(seed)
    for _ in range(25):
        url, user = chance.choice(urls), chance.choice(users)
        match chance.choice(["register", "register", "register", "leave", "capacity", "delete"]):
            case "register":
                response = user.post(f"{url}/register")
            case "leave":
                response = user.delete(f"{url}/register")
            case "capacity":
                response = host.patch(url, json={"capacity": chance.choice([1, 3, 9])})
            case _:
                brief = server.sign_up()
                for each in urls:
                    brief.post(f"{each}/register")
                response = brief.delete("/users/me")
        assert response.status_code in (200, 201, 404), response.text


def test_seats_are_right_whatever_happens_between_the_steps(settings: Settings) -> None:
    with running(settings) as server:
        host = server.sign_up()
        urls = [f"/events/{host.create_event(capacity=1)['id']}" for _ in range(2 * PARTIES)]
        users = [server.sign_up() for _ in range(10)]
        with ThreadPoolExecutor(6) as pool:
            storms = [pool.submit(storm, server, urls, host, users, seed) for seed in range(6)]
            while not all(one.done() for one in storms):
                assert find_miscounts(settings.database_path) == []
            for one in storms:
                one.result()
        server.wait_for(lambda: kinds(settings) == [])
        assert find_miscounts(settings.database_path) == []
        assert query(settings, IDLE_SEATS) == []
        assert query(settings, "SELECT count(*) FROM users") == [(1 + len(users),)]
        assert query(settings, "SELECT count(*) FROM changes WHERE type = 'registration.promoted'") > [(0,)]


def test_idle_seats_are_seen(idle: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the storm: seats that nobody gets are found."""
    monkeypatch.setattr(Seats, "fill", lambda *_: None)
    host, guest = idle.sign_up(), idle.sign_up()
    url = f"/events/{host.create_event(capacity=1)['id']}"
    register(url, host, guest)
    host.delete(f"{url}/register")
    assert len(query(idle.settings, IDLE_SEATS)) == 1
