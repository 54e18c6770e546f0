"""Requests with an `Idempotency-Key`, to every route that takes one."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any
from uuid import uuid4

import httpx

from eventorg.domain.deliveries import Notice
from eventorg.domain.values import rfc3339
from eventorg.testing import PASSWORD, Bot, Server, User
from tests.factories import new_event
from tests.telegram import Person

EVENT = new_event()

Request = tuple[User | Bot, str, Any]
"""The caller, the URL and the body."""


def ask(request: Request, method: str, key: str, **headers: str) -> httpx.Response:
    caller, url, body = request
    response: httpx.Response = getattr(caller, method.lower())(
        url, json=body, headers={"Idempotency-Key": key, **headers}
    )
    return response


def is_replayed(response: httpx.Response) -> bool:
    return bool(response.headers.get("idempotency-replayed") == "true")


def count(server: Server) -> dict[str, int]:
    """Returns the number of rows in each table."""
    with closing(sqlite3.connect(server.settings.database_path)) as file:
        tables = [name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: file.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] for table in tables}


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
"""A request for each route, after what it needs has been made."""
