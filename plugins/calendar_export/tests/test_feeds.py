"""GET /calendar/{secret}/feed.ics: all that a user hosts or attends, by a secret address."""

import asyncio
import hashlib
import sqlite3
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from eventorg.testing import Server, User, check_problem, running

from .calendars import NASTY, address_of, check_calendar, entries_of, entry_of, texts_of


def titles_of(server: Server, url: str) -> list[tuple[str, str]]:
    """Returns the titles and statuses in a feed."""
    return [(str(entry["summary"]), str(entry["status"])) for entry in entries_of(server.client.get(url))]


def on_day(day: int) -> dict[str, str]:
    return {"start_time": f"2027-02-{day:02}T10:00:00Z", "end_time": f"2027-02-{day:02}T12:00:00Z"}


def register(user: User, event: dict[str, Any]) -> None:
    response = user.post(f"/events/{event['id']}/register")
    assert response.status_code == 201, response.text


def test_all_that_one_hosts_or_attends_is_there(eventorg: Server) -> None:
    user, other = eventorg.sign_up(locale="en"), eventorg.sign_up()
    user.create_event(title="own", **on_day(4))
    user.create_event(title="draft", status="draft", **on_day(3))
    helped = other.create_event(title="helped", visibility="private", **on_day(2))
    assert other.post(f"/events/{helped['id']}/hosts", json={"user_id": user.id}).status_code == 201
    register(user, other.create_event(title="attended", **on_day(1)))
    other.create_event(title="others'", **on_day(1))
    response = eventorg.client.get(address_of(user))
    assert [(str(entry["summary"]), str(entry["status"])) for entry in entries_of(response)] == [
        ("attended", "CONFIRMED"),
        ("helped", "CONFIRMED"),
        ("draft", "TENTATIVE"),
        ("own", "CONFIRMED"),
    ]
    assert check_calendar(response)["name"] == check_calendar(response)["x-wr-calname"] == "My events"
    assert response.headers["content-disposition"] == 'inline; filename="calendar.ics"'
    assert response.headers["cache-control"] == "private, no-cache"
    assert b"\r\nREFRESH-INTERVAL;VALUE=DURATION:PT1H\r\n" in response.content


def test_an_empty_feed_is_a_calendar_all_the_same(eventorg: Server) -> None:
    response = eventorg.client.get(address_of(eventorg.sign_up()))
    assert entries_of(response) == []
    assert check_calendar(response)["name"] == "Мои мероприятия"


def test_who_waits_is_told_so(eventorg: Server) -> None:
    host, first, second = (eventorg.sign_up(locale="en") for _ in range(3))
    event = host.create_event(title="Meeting", capacity=1)
    register(first, event)
    register(second, event)
    register(host, event)
    url = address_of(second)
    assert titles_of(eventorg, url) == [("Waiting list: Meeting", "TENTATIVE")]
    assert titles_of(eventorg, address_of(host)) == [("Meeting", "CONFIRMED")]  # who hosts does not wait
    tag = eventorg.client.get(url).headers["etag"]
    assert second.patch("/users/me", json={"locale": "ru"}).status_code == 200
    assert titles_of(eventorg, url) == [("Список ожидания: Meeting", "TENTATIVE")]
    assert first.delete(f"/events/{event['id']}/register").status_code == 200
    assert titles_of(eventorg, url) == [("Meeting", "CONFIRMED")]
    assert titles_of(eventorg, address_of(first)) == []
    assert eventorg.client.get(url, headers={"If-None-Match": tag}).status_code == 200


def test_a_promoted_seat_is_a_change_of_the_entry(eventorg: Server) -> None:
    host, first, second = (eventorg.sign_up() for _ in range(3))
    event = host.create_event(capacity=1)
    register(first, event)
    register(second, event)
    url, file = address_of(second), f"/events/{event['id']}/event.ics"

    def check(sequence: int, last_modified: datetime) -> None:
        """Reads the entry at once, and again when the plugin has handled the change."""
        for _ in range(2):
            entry = entry_of(eventorg.client.get(url))
            assert (entry["sequence"], entry["last-modified"].dt) == (sequence, last_modified)
            eventorg.wait_for(lambda: "backlog: 0," in eventorg.run("plugins"))

    created_at = eventorg.clock.now
    check(0, created_at)
    eventorg.clock.advance(hours=1)
    promoted_at = eventorg.clock.now
    assert first.delete(f"/events/{event['id']}/register").status_code == 200
    check(1, promoted_at)
    assert entry_of(eventorg.client.get(file))["sequence"] == 0  # the event is the same
    eventorg.clock.advance(hours=1)
    assert second.delete(f"/events/{event['id']}/register").status_code == 200
    register(first, event)
    register(second, event)
    check(2, eventorg.clock.now)  # waiting again: not less than before
    exported = second.get("/users/me/export").json()["plugins"]["calendar_export"]["moves"]
    assert [(move["event_id"], move["moves"]) for move in exported] == [(event["id"], 2)]


def test_what_is_cancelled_stays_and_what_is_deleted_goes(eventorg: Server) -> None:
    host, guest = eventorg.sign_up(), eventorg.sign_up()
    event = host.create_event(title="A", capacity=1)
    register(host, event)
    register(guest, event)
    url = address_of(guest)
    assert host.post(f"/events/{event['id']}/cancel").status_code == 200
    assert titles_of(eventorg, url) == [("Список ожидания: A", "CANCELLED")]
    assert entry_of(eventorg.client.get(url))["sequence"] == 1
    assert host.delete(f"/events/{event['id']}").status_code == 200
    assert titles_of(eventorg, url) == []


def test_the_file_and_the_feed_tell_of_one_event(eventorg: Server) -> None:
    host = eventorg.sign_up()
    event = host.create_event(**NASTY)
    assert host.patch(f"/events/{event['id']}", json={"capacity": 5}).status_code == 200
    entry = entry_of(eventorg.client.get(address_of(host)))
    assert texts_of(entry) == NASTY
    assert entry == entry_of(eventorg.client.get(f"/events/{event['id']}/event.ics"))


def test_a_feed_reaches_back_a_year(eventorg: Server) -> None:
    host = eventorg.sign_up()
    url = address_of(host)
    host.create_event(title="A", **on_day(1))
    eventorg.clock.advance(days=365 + 31)
    assert len(titles_of(eventorg, url)) == 1
    eventorg.clock.advance(seconds=1)
    assert titles_of(eventorg, url) == []


def test_of_very_many_events_the_nearest_are_there(eventorg: Server, tmp_path: Path) -> None:
    host = eventorg.sign_up()
    url = address_of(host)
    host.create_event(title="A")
    own = {"id": "id || n", "code": "code || n", "title": "n", "start_time": "noon", "end_time": "evening"}
    with closing(sqlite3.connect(tmp_path / "eventorg.db")) as connection, connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(events)") if row[1] != "seq"]
        connection.execute(
            f"""
            WITH RECURSIVE numbers (n) AS (
                SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1000
            ),
            days AS (
                SELECT
                    n,
                    strftime('%Y-%m-%dT12:00:00Z', '2026-09-01', n || ' days') AS noon,
                    strftime('%Y-%m-%dT18:00:00Z', '2026-09-01', n || ' days') AS evening
                FROM numbers
            )
            INSERT INTO events ({", ".join(names)})
            SELECT {", ".join(own.get(name, name) for name in names)}
            FROM days, events
            """
        )
    titles = [title for title, _ in titles_of(eventorg, url)]
    assert titles == [str(n) for n in range(1, 501)]


def test_events_that_others_give_do_not_displace_ones_own(eventorg: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["eventorg_plugins.calendar_export"], "MAX_ENTRIES", 4)
    user, other = eventorg.sign_up(), eventorg.sign_up()
    for day in range(1, 5):
        given = other.create_event(title=f"given {day}", **on_day(day))
        assert other.post(f"/events/{given['id']}/hosts", json={"user_id": user.id}).status_code == 201
    register(user, given)  # the one of day 4
    user.create_event(title="organized", **on_day(20))
    register(user, other.create_event(title="registered", **on_day(10)))
    titles = [title for title, _ in titles_of(eventorg, address_of(user))]
    assert titles == ["given 1", "given 4", "registered", "organized"]


def test_what_is_known_is_not_sent_again(eventorg: Server) -> None:
    host = eventorg.sign_up()
    url = address_of(host)
    event = host.create_event()
    tag = eventorg.client.get(url).headers["etag"]
    eventorg.clock.advance(minutes=1)
    response = eventorg.client.get(url, headers={"If-None-Match": tag})
    assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", tag)
    assert host.patch(f"/events/{event['id']}", json={"title": "B"}).status_code == 200
    assert eventorg.client.get(url, headers={"If-None-Match": tag}).status_code == 200


def test_a_new_address_ends_the_one_before(eventorg: Server) -> None:
    user = eventorg.sign_up()
    first, second = address_of(user), address_of(user)
    assert first != second
    assert second.startswith(f"{eventorg.url}/calendar/")
    check_problem(eventorg.client.get(first), 404, "not_found")
    assert titles_of(eventorg, second) == []


def test_an_address_can_be_ended(eventorg: Server) -> None:
    user, other = eventorg.sign_up(), eventorg.sign_up()
    url, others = address_of(user), address_of(other)
    response = user.delete("/users/me/calendar", headers={"Accept-Language": "en"})
    assert (response.status_code, response.json()) == (200, {"message": "The calendar address is no longer valid"})
    check_problem(eventorg.client.get(url), 404, "not_found")
    assert user.delete("/users/me/calendar").json() == {"message": "Адрес календаря больше не действует"}
    assert titles_of(eventorg, others) == []
    for method in ("POST", "DELETE"):
        check_problem(eventorg.client.request(method, "/users/me/calendar"), 401, "unauthenticated")


def test_no_token_is_looked_at(eventorg: Server) -> None:
    url = address_of(eventorg.sign_up())
    assert entries_of(eventorg.client.get(url, headers={"Authorization": "Bearer expired"})) == []


def test_no_other_address_leads_anywhere(eventorg: Server) -> None:
    url = address_of(eventorg.sign_up())
    secret = url.split("/")[-2]
    for other in (secret.upper(), secret[:-1], secret + "0", hashlib.sha256(secret.encode()).hexdigest(), "%00", "é"):
        check_problem(eventorg.client.get(f"/calendar/{other}/feed.ics"), 404, "not_found")


def test_the_address_goes_with_the_account(eventorg: Server) -> None:
    user = eventorg.sign_up()
    url = address_of(user)
    assert user.delete("/users/me").status_code == 200
    check_problem(eventorg.client.get(url), 404, "not_found")


def test_the_secret_is_kept_nowhere(eventorg: Server, tmp_path: Path) -> None:
    user = eventorg.sign_up()
    key = {"Idempotency-Key": "once"}
    response = user.post("/users/me/calendar", headers=key)
    assert response.headers["cache-control"] == "no-store"
    secret = response.json()["url"].split("/")[-2]
    assert len(bytes.fromhex(secret)) == 32
    with closing(sqlite3.connect(tmp_path / "eventorg.db")) as connection:
        dump = "\n".join(connection.iterdump())
    assert secret not in dump
    assert hashlib.sha256(secret.encode()).hexdigest() in dump
    assert user.token not in dump  # with which the secret could be made of what is kept


def test_asking_again_with_a_key_gives_the_same_address(eventorg: Server) -> None:
    user = eventorg.sign_up()
    key = {"Idempotency-Key": "once"}
    first, again = (user.post("/users/me/calendar", headers=key) for _ in range(2))
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert titles_of(eventorg, first.json()["url"]) == []


def test_asking_again_with_a_newer_token_gives_an_address_that_works(eventorg: Server) -> None:
    user = eventorg.sign_up()
    key = {"Idempotency-Key": "once"}
    first = user.post("/users/me/calendar", headers=key).json()["url"]
    user.token = eventorg.log_in(user.account["email"])
    second = user.post("/users/me/calendar", headers=key).json()["url"]
    assert titles_of(eventorg, second) == []
    check_problem(eventorg.client.get(first), 404, "not_found")


def test_a_bot_makes_an_address_for_a_user(eventorg: Server) -> None:
    user, bot = eventorg.sign_up(), eventorg.make_bot("act")
    user.create_event(title="A")
    assert titles_of(eventorg, address_of(bot.acting_for(user.id))) == [("A", "CONFIRMED")]
    check_problem(bot.post("/users/me/calendar"), 403, "act_as_missing")


def test_the_address_is_one_the_caller_can_reach(eventorg: Server) -> None:
    user = eventorg.sign_up()
    response = user.post("/users/me/calendar", headers={"Host": "events.example:8443"})
    assert response.json()["url"].startswith("http://events.example:8443/calendar/")


def test_the_addresses_of_two_users_who_become_one_both_work(eventorg: Server) -> None:
    bot = eventorg.make_bot("act")
    gone_id = bot.put("/identities/telegram/77", json={"locale": "en"}).json()["id"]
    gone, stays = bot.acting_for(gone_id), eventorg.sign_up(locale="en")
    addresses = [address_of(gone), address_of(stays)]
    gone.create_event(title="gone's", **on_day(1))
    stays.create_event(title="stays'", **on_day(2))
    code = stays.post("/users/me/link-codes").json()["code"]
    assert bot.post("/identities/telegram/77/link", json={"code": code}).status_code == 200
    for address in addresses:
        assert [title for title, _ in titles_of(eventorg, address)] == ["gone's", "stays'"]
    newest = address_of(stays)
    assert [eventorg.client.get(address).status_code for address in (*addresses, newest)] == [404, 404, 200]


def test_the_address_begins_with_the_public_one_if_that_is_set(eventorg: Server, tmp_path: Path) -> None:
    database = str(tmp_path / "other.db")
    settings = structs.replace(eventorg.settings, database=database, public_url="https://events.example/api/")
    with running(settings) as server:
        for host in ("events.example:8443", "evil.example"):
            response = server.sign_up().post("/users/me/calendar", headers={"Host": host})
            assert response.json()["url"].startswith("https://events.example/api/calendar/")


def test_a_feed_is_written_on_a_thread_that_serves_nobody_else(
    eventorg: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, user = sys.modules["eventorg_plugins.calendar_export"], eventorg.sign_up()
    user.create_event()
    render, on_a_loop = module.render, []

    def seen(*arguments: object) -> object:
        on_a_loop.append(asyncio._get_running_loop() is not None)
        return render(*arguments)

    monkeypatch.setattr(module, "render", seen)
    assert len(entries_of(eventorg.client.get(address_of(user)))) == 1
    assert on_a_loop == [False]
