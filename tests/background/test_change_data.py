"""The `data` of changes: the names of what changed, the step of a registration, and never personal data."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eventorg.domain.facts import Fact
from eventorg.settings import Settings
from eventorg.testing import Bot, Server, User, running
from tests import telegram
from tests.programs import run


@pytest.fixture(scope="module")
def reader(server: Server) -> Bot:
    return server.make_bot("changes")


@pytest.fixture
def news(reader: Bot) -> "News":
    return News(reader)


class News:
    """The changes since the last look."""

    def __init__(self, reader: Bot) -> None:
        self._reader = reader
        self._after = reader.get("/changes?after=latest").json()["next"]

    def __call__(self) -> list[tuple[str, str | None, Any]]:
        page = self._reader.get("/changes", params={"after": self._after, "limit": 1000}).json()
        self._after = page["next"]
        return [(change["type"], change["user_id"], change["data"]) for change in page["changes"]]


def step(status: str, previous: str | None, by: str) -> dict[str, Any]:
    return {"status": status, "previous_status": previous, "guests": 0, "by": by}


def changed(*names: str) -> dict[str, Any]:
    return {"changed": list(names)}


def test_an_update_of_an_event_names_its_fields(server: Server, news: News) -> None:
    host, other = server.sign_up(), server.sign_up()
    url = f"/events/{host.create_event(title='Old', capacity=None)['id']}"
    news()
    fields = {"title": "New", "start_time": "2028-01-01T10:00:00Z", "end_time": "2028-01-01T12:00:00Z"}
    for body in (fields, {"title": "New"}, {"title": "New", "description": "Text"}, {"capacity": 5, "waitlist": False}):
        host.patch(url, json=body)
    host.post(f"{url}/hosts", json={"user_id": other.id})
    host.delete(f"{url}/hosts/{other.id}")
    host.post(f"{url}/hosts", json={"user_id": other.id})
    host.patch(url, json={"status": "cancelled", "location": "Nowhere"})
    found = news()
    assert {name for _, _, data in found[:3] for name in data["changed"]} == {
        *fields,
        "description",
        "capacity",
        "waitlist",
    }
    assert [set(data["changed"]) for _, _, data in found] == [
        set(fields), {"description"}, {"capacity", "waitlist"}, {"hosts"}, {"hosts"}, {"hosts"}, {"status", "location"},
    ]  # fmt: skip
    assert [kind for kind, _, _ in found] == ["event.updated"] * 6 + ["event.cancelled"]


def test_an_event_that_passes_to_another_names_the_organizer(server: Server, news: News) -> None:
    host, heir = server.sign_up(), server.sign_up()
    url = f"/events/{host.create_event()['id']}"
    host.post(f"{url}/hosts", json={"user_id": heir.id})
    heir.patch(url, json={"location": "Upstairs"})
    news()
    host.delete("/users/me")
    assert news()[0] == ("event.updated", heir.id, changed("organizer_id", "hosts"))


def test_an_update_of_a_user_names_its_fields(server: Server, news: News) -> None:
    user = server.sign_up(password="correct horse")
    news()
    user.patch("/users/me", json={"first_name": "Anna", "timezone": "Asia/Tokyo", "last_name": "Secret"})
    user.patch("/users/me", json={"password": "battery staple", "current_password": "correct horse", "locale": "en"})
    assert [(kind, user_id, set(data["changed"])) for kind, user_id, data in news()] == [
        ("user.updated", user.id, {"first_name", "timezone", "last_name"}),
        ("user.updated", user.id, {"password", "locale"}),
    ]


def test_linking_and_unlinking_an_account_names_telegram(server: Server, news: News) -> None:
    user, bot = server.sign_up(), server.make_bot("act")
    person = telegram.Person(server, bot)
    news()
    telegram.link(bot, person.telegram_id, user)
    assert news() == [("user.deleted", person.id, None), ("user.updated", user.id, changed("telegram"))]
    user.delete(f"/identities/telegram/{person.telegram_id}")
    assert news() == [("user.updated", user.id, changed("telegram"))]


def test_each_step_of_a_registration_tells_from_where_and_by_whom(server: Server, news: News) -> None:
    host, first, second, third = (server.sign_up() for _ in range(4))
    url = f"/events/{host.create_event(capacity=1)['id']}"
    news()
    for guest in (first, second, third):
        guest.post(f"{url}/register")
    for status in ("attended", "registered"):
        host.patch(f"{url}/participants/{first.id}", json={"status": status})
    first.delete(f"{url}/register")
    host.delete(f"{url}/participants/{third.id}")
    first.post(f"{url}/register")
    host.patch(url, json={"capacity": 2})
    host.delete(f"{url}/participants/{second.id}")
    host.post(f"{url}/register")
    host.patch(f"{url}/participants/{host.id}", json={"status": "attended"})
    assert news() == [
        ("registration.created", first.id, step("registered", None, "self")),
        ("registration.created", second.id, step("waitlisted", None, "self")),
        ("registration.created", third.id, step("waitlisted", None, "self")),
        ("registration.attended", first.id, step("attended", "registered", "host")),
        ("registration.updated", first.id, step("registered", "attended", "host")),
        ("registration.cancelled", first.id, step("cancelled", "registered", "self")),
        ("registration.promoted", second.id, step("registered", "waitlisted", "system")),
        ("registration.cancelled", third.id, step("cancelled", "waitlisted", "host")),
        ("registration.created", first.id, step("waitlisted", "cancelled", "self")),
        ("event.updated", None, changed("capacity")),
        ("registration.promoted", first.id, step("registered", "waitlisted", "system")),
        ("registration.cancelled", second.id, step("cancelled", "registered", "host")),
        ("registration.created", host.id, step("registered", None, "self")),
        ("registration.attended", host.id, step("attended", "registered", "self")),
    ]


def test_a_bot_that_acts_for_someone_is_that_person(server: Server, news: News) -> None:
    host, bot = server.sign_up(), server.make_bot("act")
    url = f"/events/{host.create_event()['id']}"
    guest = bot.acting_for(server.sign_up().id)
    news()
    guest.post(f"{url}/register")
    bot.acting_for(host.id).delete(f"{url}/participants/{news()[0][1]}")
    assert [data["by"] for _, _, data in news()] == ["host"]


def test_the_operator_who_deletes_an_account_is_named(tmp_path: Path) -> None:
    database = tmp_path / "eventorg.db"
    with running(Settings(plugins="none", database=str(database), log_level="error")) as server:
        host, guest = server.sign_up(), server.sign_up()
        guest.post(f"/events/{host.create_event()['id']}/register")
        after = host.get("/changes?after=latest").json()["next"]
        assert run(database, "user", "delete", guest.account["username"], "--yes").returncode == 0
        change = host.get("/changes", params={"after": after}).json()["changes"][0]
    assert (change["type"], change["data"]) == ("registration.cancelled", step("cancelled", "registered", "operator"))


def test_a_deleted_event_is_told_alone_and_a_deleted_account_ends_each_registration(server: Server, news: News) -> None:
    host, guest, waiting = (server.sign_up() for _ in range(3))
    urls = [f"/events/{host.create_event(capacity=1)['id']}" for _ in range(2)]
    for url in urls:
        for user in (guest, waiting):
            user.post(f"{url}/register")
    news()
    host.delete(urls[0])
    assert news() == [("event.deleted", None, None)]
    guest.delete("/users/me")
    assert news() == [
        ("registration.cancelled", guest.id, step("cancelled", "registered", "self")),
        ("registration.promoted", waiting.id, step("registered", "waitlisted", "system")),
        ("user.deleted", guest.id, None),
    ]


@pytest.mark.parametrize(
    ("own", "given", "told"),
    [
        (None, "registered", [("created", "registered", None)]),
        ("waitlisted", "registered", [("promoted", "registered", "waitlisted")]),
        ("registered", "attended", [("attended", "attended", "registered")]),
        (None, "attended", [("created", "registered", None), ("attended", "attended", "registered")]),
        ("registered", "registered", [("updated", "registered", "registered")]),
    ],
)
def test_a_merge_tells_what_the_account_that_stays_has_now(
    server: Server, news: News, own: str | None, given: str, told: list[tuple[str, str, str | None]]
) -> None:
    host, user, bot = server.sign_up(), server.sign_up(), server.make_bot("act")
    person = telegram.Person(server, bot)
    url = f"/events/{host.create_event(capacity=2)['id']}"
    if own == "waitlisted":
        _register(host, url, server.sign_up(), "registered")
    _register(host, url, person, given)
    if own:
        _register(host, url, user, own)
    news()
    telegram.link(bot, person.telegram_id, user)
    found = news()
    assert [(kind, data) for kind, user_id, data in found if user_id == user.id and kind != "user.updated"] == [
        (f"registration.{kind}", step(status, previous, "system")) for kind, status, previous in told
    ]
    ended = step("cancelled", given, "system")
    assert ("registration.cancelled", person.id, ended) in found


def _register(host: User, url: str, guest: Any, status: str) -> None:
    registered = guest.bot.post(f"{url}/register") if hasattr(guest, "bot") else guest.post(f"{url}/register")
    assert registered.status_code == 201
    if status == "attended":
        host.patch(f"{url}/participants/{guest.id}", json={"status": status})


def test_the_data_is_in_streams_and_in_the_export_and_holds_no_personal_data(server: Server) -> None:
    user = server.sign_up()
    user.patch("/users/me", json={"first_name": "Rumpelstiltskin"})
    listed = user.get("/changes").json()["changes"]
    assert [change["data"] for change in listed] == [None, changed("first_name")]
    exported = user.get("/users/me/export").json()["changes"]
    assert [change["data"] for change in exported] == [None, changed("first_name")]
    with closing(sqlite3.connect(server.settings.database_path)) as file:
        stored = [row[0] for row in file.execute("SELECT data FROM changes WHERE user_id = ?", (user.id,))]
    assert stored == [None, '{"changed":["first_name"]}']


def test_plugins_get_the_data_also_of_a_dead_letter(fresh_server: Server) -> None:
    plugins = fresh_server._core.plugins

    async def read() -> tuple[list[Fact], Fact | None]:
        _, changes, dead_letter = await plugins.find_next("own")
        return changes, dead_letter

    user = fresh_server.sign_up()
    fresh_server._on_its_loop(plugins.register("own"))
    user.patch("/users/me", json={"first_name": "Anna"})
    (change,), _ = fresh_server._on_its_loop(read())
    assert change.data == {"changed": ["first_name"]}
    fresh_server._on_its_loop(plugins.dead_letter("own", change, "a defect"))
    fresh_server._on_its_loop(plugins.retry("own"))
    assert fresh_server._on_its_loop(read()) == ([], change)
