"""`Idempotency-Key`: a request that is sent again is carried out once and gets the same answer."""

import hashlib
import queue
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from litestar.routes import HTTPRoute

from eventorg.application import create_app
from eventorg.domain.deliveries import Notice
from eventorg.domain.values import rfc3339
from eventorg.settings import Settings
from eventorg.storage.database import Database
from eventorg.testing import PASSWORD, Bot, Server, User, check_problem, running
from tests.telegram import Person
from tests.telegram import link as link_account
from tests.web.keyed import EVENT, Request, ask, count, is_replayed


def new_user() -> dict[str, str]:
    name = uuid4().hex
    return {"username": name, "email": f"{name}@example.com", "password": PASSWORD}


def register(server: Server) -> Request:
    return server.sign_up(), f"/events/{server.sign_up().create_event()['id']}/register", None


def check_in(server: Server) -> Request:
    host, guest = server.sign_up(), server.sign_up()
    url = f"/events/{host.create_event()['id']}"
    guest.post(f"{url}/register")
    return host, f"{url}/participants/{guest.id}", {"status": "attended"}


def change_party(server: Server) -> Request:
    guest = server.sign_up()
    url = f"/events/{server.sign_up().create_event(max_guests=2)['id']}/register"
    guest.post(url)
    return guest, url, {"guests": 1}


def named(server: Server) -> Request:
    """The request of a host for the code of somebody who was added by name."""
    host = server.sign_up()
    url = f"/events/{host.create_event()['id']}/participants"
    added = host.post(url, json={"first_name": "Boris"}).json()
    return host, f"{url}/{added['user_id']}/link-codes", None


def claim(server: Server) -> Request:
    host, url, _ = named(server)
    return server.sign_up(), "/users/me/claims", {"code": host.post(url).json()["code"]}


def accept(server: Server) -> Request:
    host = server.sign_up()
    code = host.post(f"/events/{host.create_event(visibility='private')['id']}/invitations").json()["code"]
    return server.sign_up(), f"/invitations/{code}/accept", {}


def add_guest(server: Server) -> Request:
    guest = server.sign_up()
    return guest, f"/events/{server.sign_up().create_event(max_guests=2)['id']}/rsvp", {"guests_delta": 1}


def of_event(path: str, body: Callable[[Server], Any]) -> Callable[[Server], Request]:
    def scene(server: Server) -> Request:
        host = server.sign_up()
        return host, f"/events/{host.create_event()['id']}{path}", body(server)

    return scene


def link(server: Server) -> Request:
    bot, user = server.make_bot("act"), server.sign_up()
    code = user.post("/users/me/link-codes").json()["code"]
    return bot, f"/identities/telegram/{Person(server, bot).telegram_id}/link", {"code": code}


def lease(server: Server) -> Request:
    bot = server.make_bot("deliver")
    notify(server)
    return bot, "/deliveries/lease", {}


def acknowledge(server: Server) -> Request:
    bot, key = server.make_bot("deliver"), notify(server)
    leased = bot.post("/deliveries/lease", json={"limit": 100}).json()["deliveries"]
    (delivery_id,) = [each["id"] for each in leased if each["dedupe_key"].endswith(key)]
    return bot, f"/deliveries/{delivery_id}/ack", {"result": "sent"}


def acknowledge_all(server: Server) -> Request:
    bot, url, body = acknowledge(server)
    return bot, "/deliveries/ack", {"results": [{"id": url.split("/")[2], **body}]}


def notify(server: Server) -> str:
    """Adds a message for a new user, as a plugin does, and returns its key."""
    user_id, key, core = Person(server, server.make_bot("act")).id, uuid4().hex, server._core
    notice = Notice(user_id=user_id, kind="hello", dedupe_key=key, event_id=None, due_at=rfc3339(server.clock()))
    add = core.database.write(lambda tx: core.deliveries.add(tx, "test", notice, {"en": "Hello"}, None))
    assert server._on_its_loop(add)
    return key


SCENES: dict[tuple[str, str], Callable[[Server], Request]] = {
    ("POST", "/users"): lambda server: (server.sign_up(), "/users", new_user()),
    ("PATCH", "/users/{user_id}"): lambda server: (server.sign_up(), "/users/me", {"first_name": "Anna"}),
    ("POST", "/users/me/link-codes"): lambda server: (server.sign_up(), "/users/me/link-codes", None),
    ("POST", "/identities/telegram/{telegram_id}/link"): link,
    ("POST", "/deliveries/lease"): lease,
    ("POST", "/deliveries/ack"): acknowledge_all,
    ("POST", "/deliveries/{delivery_id}/ack"): acknowledge,
    ("POST", "/events"): lambda server: (server.sign_up(), "/events", EVENT),
    ("PATCH", "/events/{event_id}"): of_event("", lambda _: {"title": "New", "capacity": 3}),
    ("POST", "/events/{event_id}/cancel"): of_event("/cancel", lambda _: None),
    ("POST", "/events/{event_id}/copy"): of_event("/copy", lambda _: {"start_time": "2101-01-01T10:00:00Z"}),
    ("POST", "/events/{event_id}/hosts"): of_event("/hosts", lambda server: {"user_id": server.sign_up().id}),
    ("POST", "/events/{event_id}/invitations"): of_event("/invitations", lambda _: {"max_uses": 3}),
    ("POST", "/invitations/{code}/accept"): accept,
    ("POST", "/events/{event_id}/register"): register,
    ("PATCH", "/events/{event_id}/register"): change_party,
    ("POST", "/events/{event_id}/participants"): of_event("/participants", lambda _: {"first_name": "Boris"}),
    ("PATCH", "/events/{event_id}/rsvp"): add_guest,
    ("PATCH", "/events/{event_id}/participants/{user_id}"): check_in,
    ("POST", "/events/{event_id}/participants/{user_id}/link-codes"): named,
    ("POST", "/users/me/claims"): claim,
}
WITHOUT_A_CALLER = {
    ("POST", "/login"),
    ("POST", "/login/telegram"),
    ("POST", "/password-resets"),
    ("POST", "/password-resets/confirm"),
}
"""These routes ignore tokens, so there is no caller to store a record for."""
ELSEWHERE = {
    ("POST", "/logout"),
    ("POST", "/users/me/email-verification"),
    ("POST", "/users/me/email-verification/confirm"),
}
"""The scenes of these routes are in `tests/api/test_logout.py` and `tests/api/test_email_verification.py`."""


def test_every_route_that_takes_a_key_has_its_scene() -> None:
    app = create_app(Settings(plugins="none", database="not-opened.db"))
    routes = {
        (method, route.path_format)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method in route.route_handler_map
        if method in ("POST", "PATCH")
    }
    assert routes == SCENES.keys() | WITHOUT_A_CALLER | ELSEWHERE


@pytest.mark.parametrize("route", SCENES, ids=" ".join)
def test_the_same_request_is_done_once_and_answered_the_same(server: Server, route: tuple[str, str]) -> None:
    method, request = route[0], SCENES[route](server)
    first = ask(request, method, "key")
    assert first.status_code in (200, 201), first.text
    assert not is_replayed(first)
    rows = count(server)
    for _ in range(2):
        again = ask(request, method, "key")
        assert is_replayed(again)
        assert (again.status_code, again.content) == (first.status_code, first.content)
        for header in ("location", "etag", "content-type"):
            assert again.headers.get(header) == first.headers.get(header)
    assert count(server) == rows


@pytest.mark.parametrize("route", SCENES, ids=" ".join)
def test_a_key_of_another_request_is_422(server: Server, route: tuple[str, str]) -> None:
    method, (caller, url, body) = route[0], SCENES[route](server)
    assert ask((caller, url, body), method, "key").is_success
    rows = count(server)
    others = [(method, url, {"title": "Another"})]
    if not isinstance(caller, Bot):
        others.append(("PATCH", "/users/me", body) if method == "POST" else ("POST", "/events", body))
        others.append(("POST", "/events", new_user()) if method == "POST" else ("PATCH", "/users/me", new_user()))
    for other_method, other_url, other_body in others:
        problem = check_problem(
            ask((caller, other_url, other_body), other_method, "key"), 422, "idempotency_key_reused"
        )
        assert [fault["field"] for fault in problem["errors"]] == ["Idempotency-Key"]
    assert count(server) == rows


def test_a_body_spelled_otherwise_is_another_request(server: Server) -> None:
    user, headers = server.sign_up(), {"Idempotency-Key": "key"}
    assert user.post("/events", json=EVENT, headers=headers).status_code == 201
    reordered = dict(reversed(EVENT.items()))
    check_problem(user.post("/events", json=reordered, headers=headers), 422, "idempotency_key_reused")


def test_another_method_of_the_same_path_is_another_request(server: Server) -> None:
    user = server.sign_up()
    url = f"/events/{user.create_event()['id']}/participants/{user.id}"
    user.post(url.replace(f"participants/{user.id}", "register"))
    assert ask((user, url, {"status": "attended"}), "PATCH", "key").status_code == 200
    assert not is_replayed(user.get(url, headers={"Idempotency-Key": "key"}))
    removed = user.delete(url, headers={"Idempotency-Key": "key"})
    assert (removed.status_code, removed.json()["status"]) == (200, "cancelled")


def test_keys_are_each_callers_own(server: Server) -> None:
    users, bot = [server.sign_up() for _ in range(2)], server.make_bot("act")
    callers: list[User | Bot] = [*users, bot.acting_for(users[0].id), bot.acting_for(users[1].id)]
    made = [ask((caller, "/events", EVENT), "POST", "key") for caller in callers]
    assert [response.status_code for response in made] == [201] * 4
    assert not any(is_replayed(response) for response in made)
    assert len({response.json()["id"] for response in made}) == 4


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> "queue.Queue[object]":
    """Receives an item for each function that is given to the writer."""
    given: queue.Queue[object] = queue.Queue()
    write = Database.write

    async def told_write(self: Database, work: Any) -> Any:
        given.put(work)
        return await write(self, work)

    monkeypatch.setattr(Database, "write", told_write)
    return given


def test_while_the_first_is_running_it_is_409(fresh_server: Server, writes: "queue.Queue[object]") -> None:
    request: Request = (fresh_server.sign_up(), "/events", EVENT)
    while not writes.empty():
        writes.get()
    path = fresh_server.settings.database_path
    with ThreadPoolExecutor() as pool, closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        first = pool.submit(ask, request, "POST", "key")
        writes.get(timeout=10)
        check_problem(ask(request, "POST", "key"), 409, "idempotency_in_flight")
        holder.execute("ROLLBACK")
        assert (first.result().status_code, is_replayed(first.result())) == (201, False)
    again = ask(request, "POST", "key")
    assert (again.status_code, is_replayed(again)) == (201, True)


def test_of_many_at_once_one_is_done(server: Server) -> None:
    request: Request = (server.sign_up(), "/events", EVENT)
    before = count(server)["events"]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: ask(request, "POST", "key"), range(32)))
    assert {response.status_code for response in answers} <= {201, 409}
    done = [response for response in answers if response.status_code == 201]
    assert len({response.json()["id"] for response in done}) == 1
    assert [is_replayed(response) for response in done].count(False) == 1
    assert count(server)["events"] == before + 1


@pytest.fixture
def broken(fresh_server: Server) -> Iterator[sqlite3.Connection]:
    """A file that accepts no idempotency records."""
    with closing(sqlite3.connect(fresh_server.settings.database_path, isolation_level=None)) as file:
        file.execute(
            "CREATE TRIGGER broken BEFORE INSERT ON idempotency_records BEGIN SELECT RAISE(ABORT, 'broken'); END"
        )
        yield file


def test_an_outcome_that_cannot_be_kept_undoes_the_change(fresh_server: Server, broken: sqlite3.Connection) -> None:
    request: Request = (fresh_server.sign_up(), "/events", EVENT)
    before = count(fresh_server)
    check_problem(ask(request, "POST", "key"), 500)
    assert count(fresh_server) == before
    broken.execute("DROP TRIGGER broken")
    done = ask(request, "POST", "key")
    assert (done.status_code, is_replayed(done)) == (201, False)


def test_a_new_password_is_set_once_and_answered_again(server: Server) -> None:
    user = server.sign_up()
    request: Request = (user, "/users/me", {"password": "another password", "current_password": PASSWORD})
    first = ask(request, "PATCH", "key")
    assert first.status_code == 200
    check_problem(ask(request, "PATCH", "key"), 401, "token_revoked")
    user.token = server.log_in(user.account["email"], "another password")
    again = ask(request, "PATCH", "key")
    assert (again.status_code, again.content, is_replayed(again)) == (200, first.content, True)
    assert user.get("/users/me").status_code == 200, "the token of after is still good"


def test_an_account_that_goes_takes_its_outcomes_along(fresh_server: Server) -> None:
    user = fresh_server.sign_up()
    ask((user, "/events", EVENT), "POST", "done")
    check_problem(ask((user, "/events", {}), "POST", "refused"), 422)
    assert count(fresh_server)["idempotency_records"] == 2
    assert user.delete("/users/me").status_code == 200
    assert count(fresh_server)["idempotency_records"] == 0


def private_event(server: Server) -> tuple[User, User, str]:
    """Returns the organizer of a private event, its co-host and its URL."""
    organizer, host = server.sign_up(), server.sign_up()
    url = f"/events/{organizer.create_event(visibility='private')['id']}"
    assert organizer.post(f"{url}/hosts", json={"user_id": host.id}).status_code == 201
    return organizer, host, url


def end_role(organizer: User, host: User, url: str) -> None:
    assert organizer.delete(f"{url}/hosts/{host.id}").status_code == 200


def lost_event(server: Server, path: str, body: object) -> tuple[Request, Callable[[], object]]:
    """The request of a co-host at a private event, before the role ends."""
    organizer, host, url = private_event(server)
    guest = server.sign_up()
    organizer.patch(url, json={"visibility": "public"})
    guest.post(f"{url}/register")
    organizer.patch(url, json={"visibility": "private"})
    return (host, url + path.format(guest=guest.id), body), lambda: end_role(organizer, host, url)


def lost_creation(server: Server) -> tuple[Request, Callable[[], object]]:
    """An event that its creator deletes."""
    user = server.sign_up()

    def lose() -> None:
        (event,) = user.get(f"/events?organizer_id={user.id}").json()["events"]
        assert user.delete(f"/events/{event['id']}").status_code == 200

    return (user, "/events", EVENT), lose


def lost_registration(server: Server) -> tuple[Request, Callable[[], object]]:
    """A registration that a host ends before the event becomes private."""
    host, guest = server.sign_up(), server.sign_up()
    url = f"/events/{host.create_event()['id']}"

    def lose() -> None:
        assert host.delete(f"{url}/participants/{guest.id}").status_code == 200
        assert host.patch(url, json={"visibility": "private"}).status_code == 200

    return (guest, f"{url}/register", None), lose


def lost_host(server: Server) -> tuple[Request, Callable[[], object]]:
    """A co-host of an event that the organizer deletes."""
    organizer, friend = server.sign_up(), server.sign_up()
    url = f"/events/{organizer.create_event()['id']}"

    def lose() -> None:
        assert organizer.delete(url).status_code == 200

    return (organizer, f"{url}/hosts", {"user_id": friend.id}), lose


def lost_name(server: Server) -> tuple[Request, Callable[[], object]]:
    """The code of a co-host at a private event for somebody who was added by name, before the role ends."""
    organizer, host, url = private_event(server)
    added = organizer.post(f"{url}/participants", json={"first_name": "Boris"}).json()
    request: Request = (host, f"{url}/participants/{added['user_id']}/link-codes", None)
    return request, lambda: end_role(organizer, host, url)


def lost_claim(server: Server) -> tuple[Request, Callable[[], object]]:
    """A place that its owner takes over, at an event that is deleted."""
    organizer, url, _ = named(server)
    code = organizer.post(url).json()["code"]

    def lose() -> None:
        assert organizer.delete(url.partition("/participants")[0]).status_code == 200

    return (server.sign_up(), "/users/me/claims", {"code": code}), lose


def lost_account(server: Server) -> tuple[Request, Callable[[], object]]:
    """The user of a Telegram account, who becomes another user when the account is linked."""
    bot, user = server.make_bot("act"), server.sign_up()
    person = Person(server, bot)
    request: Request = (person.bot, f"/users/{person.id}", {"first_name": "Anna"})
    return request, lambda: link_account(bot, person.telegram_id, user)


def lost_link(server: Server) -> tuple[Request, Callable[[], object]]:
    """A Telegram account that its user unlinks: the bot may no longer read the user's email address."""
    bot, user = server.make_bot("act"), server.sign_up()
    telegram_id = Person(server, bot).telegram_id
    code = user.post("/users/me/link-codes").json()["code"]

    def lose() -> None:
        assert user.delete(f"/identities/telegram/{telegram_id}").status_code == 200

    return (bot, f"/identities/telegram/{telegram_id}/link", {"code": code}), lose


LOST: dict[str, tuple[str, Callable[[Server], tuple[Request, Callable[[], object]]], int, str]] = {
    "create event": ("POST", lost_creation, 404, "event_not_found"),
    "update event": ("PATCH", lambda server: lost_event(server, "", {"title": "New"}), 404, "event_not_found"),
    "cancel event": ("POST", lambda server: lost_event(server, "/cancel", None), 404, "event_not_found"),
    "check in": (
        "PATCH",
        lambda server: lost_event(server, "/participants/{guest}", {"status": "attended"}),
        404,
        "event_not_found",
    ),
    "add host": ("POST", lost_host, 404, "event_not_found"),
    "add participant": (
        "POST",
        lambda server: lost_event(server, "/participants", {"first_name": "Boris"}),
        404,
        "event_not_found",
    ),
    "create participant code": ("POST", lost_name, 404, "event_not_found"),
    "claim place": ("POST", lost_claim, 404, "event_not_found"),
    "register": ("POST", lost_registration, 404, "event_not_found"),
    "update user": ("PATCH", lost_account, 404, "user_not_found"),
    "link identity": ("POST", lost_link, 404, "identity_not_found"),
}


@pytest.mark.parametrize("case", LOST)
def test_a_replay_shows_nothing_that_its_caller_may_no_longer_see(server: Server, case: str) -> None:
    method, scene, status, code = LOST[case]
    request, lose = scene(server)
    assert ask(request, method, "key").is_success
    assert is_replayed(ask(request, method, "key"))
    lose()
    refused = ask(request, method, "key")
    check_problem(refused, status, code)
    assert not is_replayed(refused)


def test_a_replay_of_a_former_co_host_is_403_where_the_event_is_public(server: Server) -> None:
    organizer, host, url = private_event(server)
    assert organizer.patch(url, json={"visibility": "public"}).status_code == 200
    request: Request = (host, url, {"title": "New"})
    assert ask(request, "PATCH", "key").status_code == 200
    end_role(organizer, host, url)
    check_problem(ask(request, "PATCH", "key"), 403)


def with_secret(tmp_path: Path, secret: str) -> Settings:
    return Settings(plugins="none", database=str(tmp_path / "eventorg.db"), log_level="error", secret=secret)


def test_a_rotated_secret_keeps_the_keys(tmp_path: Path) -> None:
    old, new = "old secret " * 4, "new secret " * 4
    with running(with_secret(tmp_path, old)) as server:
        user = server.sign_up()
        first = ask((user, "/events", EVENT), "POST", "key")
    with running(with_secret(tmp_path, f"{new},{old}")) as server:
        again = User(server.client, user.account, user.token)
        repeated = ask((again, "/events", EVENT), "POST", "key")
        assert (repeated.content, is_replayed(repeated)) == (first.content, True)
        check_problem(ask((again, "/events", {}), "POST", "key"), 422, "idempotency_key_reused")


def test_the_file_has_no_plain_hash_of_a_password(fresh_server: Server) -> None:
    user = fresh_server.sign_up()
    request: Request = (user, "/users/me", {"password": "another password", "current_password": PASSWORD})
    response = ask(request, "PATCH", "key")
    assert response.status_code == 200
    plain = hashlib.sha256(b"PATCH\0/users/me\0" + response.request.content).hexdigest()
    with closing(sqlite3.connect(fresh_server.settings.database_path)) as file:
        ((fingerprint,),) = file.execute("SELECT fingerprint FROM idempotency_records").fetchall()
    assert fingerprint.startswith("hmac:")
    assert plain not in fingerprint


def test_a_retry_across_the_upgrade_is_not_carried_out_twice(fresh_server: Server) -> None:
    """Version 0.1.0 stored the SHA-256 of a request."""
    request: Request = (fresh_server.sign_up(), "/events", EVENT)
    first = ask(request, "POST", "key")
    plain = hashlib.sha256(b"POST\0/events\0" + first.request.content).hexdigest()
    with closing(sqlite3.connect(fresh_server.settings.database_path, isolation_level=None)) as file:
        assert file.execute("UPDATE idempotency_records SET fingerprint = ?", (plain,)).rowcount == 1
    again = ask(request, "POST", "key")
    assert (again.content, is_replayed(again)) == (first.content, True)
    check_problem(ask((request[0], "/events", {}), "POST", "key"), 422, "idempotency_key_reused")
