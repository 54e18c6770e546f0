"""Telegram accounts: created on first use, linked to a user by a code, and unlinked."""

from typing import Any

import pytest

from eventorg.testing import PASSWORD, Bot, Server, check_problem
from tests.factories import new_event
from tests.telegram import MAX_ID, Person, link, new_id

IDENTITY = "/identities/telegram/{}"


@pytest.fixture(scope="module")
def bot(server: Server) -> Bot:
    return server.make_bot("act")


def test_an_account_is_made_at_first_sight_and_brought_up_to_date_after_that(server: Server, bot: Bot) -> None:
    path, name = IDENTITY.format(new_id()), f"anna_{new_id()}"
    made = bot.put(path, json={"username": name, "first_name": "Anna", "last_name": "Ivanova", "locale": "en"})
    assert made.status_code == 201
    user = made.json()
    assert (user["username"], user["first_name"], user["last_name"], user["locale"]) == (name, "Anna", "Ivanova", "en")
    assert user["email"] is None
    again = bot.put(path, json={"first_name": "Anya", "last_name": None})
    assert again.status_code == 200
    assert again.json() | {"updated_at": "", "version": 0} == user | {
        "first_name": "Anya", "last_name": None, "updated_at": "", "version": 0
    }  # fmt: skip
    assert again.headers["ETag"] != made.headers["ETag"]
    unchanged = bot.put(path, json={"first_name": "Anya"})
    assert (unchanged.json(), unchanged.headers["ETag"]) == (again.json(), again.headers["ETag"])
    assert bot.get(path).json() == again.json()


@pytest.mark.parametrize("telegram_id", [1, 2**31, 2**32 + 1, MAX_ID])
def test_ids_up_to_52_bits_are_taken(fresh_server: Server, telegram_id: int) -> None:
    bot = fresh_server.make_bot("act")
    user = bot.put(IDENTITY.format(telegram_id), json={}).json()
    assert bot.acting_for(f"telegram:{telegram_id}").get("/users/me").json()["id"] == user["id"]
    assert bot.acting_for(user["id"]).get("/users/me/export").json()["telegram"]["telegram_id"] == telegram_id


@pytest.mark.parametrize("telegram_id", [2**52, 2**63 - 1, 2**63, 10**18])
def test_a_larger_id_is_out_of_range(bot: Bot, telegram_id: int) -> None:
    problem = check_problem(bot.put(IDENTITY.format(telegram_id), json={}), 422, "validation_failed")
    assert [(error["field"], error["code"]) for error in problem["errors"]] == [("telegram_id", "out_of_range")]


@pytest.mark.parametrize("telegram_id", ["0", "-1", "+1", "007", "1.0", "1e3", "0x1", "٤٢", "anna", "9" * 30, "%20"])
def test_what_is_no_id_is_not_found(bot: Bot, telegram_id: str) -> None:
    check_problem(bot.put(IDENTITY.format(telegram_id), json={}), 404, "identity_not_found")
    check_problem(bot.get(IDENTITY.format(telegram_id)), 404, "identity_not_found")


def test_an_account_never_seen_is_not_found(bot: Bot) -> None:
    check_problem(bot.get(IDENTITY.format(new_id())), 404, "identity_not_found")


@pytest.mark.parametrize("spelling", [str, str.upper, str.title])
def test_a_username_that_is_taken_here_is_left_out(server: Server, bot: Bot, spelling: Any) -> None:
    owner = server.sign_up()
    path = IDENTITY.format(new_id())
    made = bot.put(path, json={"username": spelling(owner.account["username"]), "first_name": "Anna"})
    assert (made.status_code, made.json()["username"]) == (201, None)
    assert owner.patch("/users/me", json={"username": f"new{new_id()}"}).status_code == 200
    again = bot.put(path, json={"username": owner.account["username"]})
    assert (again.status_code, again.json()["username"]) == (200, owner.account["username"])


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Anna\x00\x07\x1b", "Anna"),
        ("Анна\nИванова", "АннаИванова"),
        ("👩‍👩‍👧‍👦", "👩‍👩‍👧‍👦"),
        ("\u202eannA", "\u202eannA"),
        ("שלום", "שלום"),
        ("x" * 300, "x" * 100),
        ("👍" * 300, "👍" * 100),
        ("e\u0301", "é"),
        ("a\u2028b\u2029c", "abc"),
        ("   ", None),
        ("", None),
        ("\x00", None),
        (None, None),
    ],
)
def test_nobody_is_turned_away_for_a_name(bot: Bot, name: str | None, kept: str | None) -> None:
    telegram_id = new_id()
    names = {"username": name and name * 40, "first_name": name, "last_name": name}
    for status in (201, 200):
        response = bot.put(IDENTITY.format(telegram_id), json=names)
        assert response.status_code == status, response.text
        user = response.json()
        assert (user["username"], user["first_name"], user["last_name"]) == (None, kept, kept)
    person = bot.acting_for(f"telegram:{telegram_id}")
    event = person.post("/events", json=new_event()).json()
    assert person.post(f"/events/{event['id']}/register").status_code == 201
    assert person.get(f"/events/{event['id']}/card").json()["names"][0] == (f"{kept} {kept}" if kept else "—")


def test_a_name_with_half_a_character_is_no_server_error(bot: Bot) -> None:
    response = bot.put(
        IDENTITY.format(new_id()), content=b'{"first_name": "\\ud83d"}', headers={"Content-Type": "application/json"}
    )
    assert response.status_code in (201, 400), response.text


def test_a_user_without_password_and_email_is_a_user_like_any_other(server: Server, bot: Bot) -> None:
    person, organizer = Person(server, bot), server.sign_up()
    own = person.bot.post("/events", json=new_event())
    assert (own.status_code, own.json()["organizer_id"]) == (201, person.id)
    other = f"/events/{organizer.create_event(capacity=1)['id']}"
    assert person.bot.post(f"{other}/register").json()["status"] == "registered"
    assert organizer.post(f"{other}/hosts", json={"user_id": person.id}).status_code == 201
    assert person.bot.patch(other, json={"title": "By a host"}).status_code == 200
    assert person.bot.get(f"{other}/card").json()["names"] == ["Anna"]
    assert organizer.get(f"/users/{person.id}").json()["first_name"] == "Anna"
    assert len(person.bot.get("/users/me/events").json()["organized_events"]) == 2
    export = person.bot.get("/users/me/export").json()
    assert (export["user"]["email"], export["telegram"]["telegram_id"]) == (None, person.telegram_id)
    check_problem(server.client.post("/login", json={"email": "", "password": PASSWORD}), 401, "invalid_credentials")
    check_problem(person.bot.patch("/users/me", json={"email": organizer.account["email"]}), 409, "email_taken")

    email = f"{person.telegram_id}@example.com"
    assert person.bot.patch("/users/me", json={"email": email, "password": PASSWORD}).json()["email"] == email
    token = server.log_in(email)
    assert server.client.get("/users/me", headers={"Authorization": f"Bearer {token}"}).json()["id"] == person.id
    wanted = {"password": "another password"}
    check_problem(person.bot.patch("/users/me", json=wanted), 422)
    assert bot.put(IDENTITY.format(person.telegram_id), json={"first_name": "Nina"}).json()["first_name"] == "Anna"

    assert person.bot.delete("/users/me").status_code == 200
    check_problem(person.bot.get("/users/me"), 404, "identity_not_found")
    assert organizer.get(other).json()["registered_count"] == 0
    assert bot.put(IDENTITY.format(person.telegram_id), json={}).status_code == 201


def test_a_code_is_good_once(server: Server, bot: Bot) -> None:
    user, other = server.sign_up(), new_id()
    made = user.post("/users/me/link-codes")
    assert made.status_code == 201
    assert made.headers["Cache-Control"] == "no-store"
    code = {"code": f"  {made.json()['code']}\n"}
    telegram_id = new_id()
    linked = bot.post(IDENTITY.format(telegram_id) + "/link", json=code)
    assert (linked.status_code, linked.json()["id"]) == (200, user.id)
    assert bot.acting_for(f"telegram:{telegram_id}").get("/users/me").json()["email"] == user.account["email"]
    check_problem(bot.post(IDENTITY.format(other) + "/link", json=code), 404, "link_code_not_found")
    check_problem(user.post("/users/me/link-codes"), 409, "telegram_linked")


@pytest.mark.parametrize(("seconds", "status"), [(899, 200), (900, 404), (901, 404)])
def test_a_code_lives_for_a_quarter_of_an_hour(fresh_server: Server, seconds: int, status: int) -> None:
    bot, user = fresh_server.make_bot("act"), fresh_server.sign_up()
    code = user.post("/users/me/link-codes").json()
    assert code["expires_at"] == "2027-01-01T12:15:00Z"
    fresh_server.clock.advance(seconds=seconds)
    assert bot.post(IDENTITY.format(42) + "/link", json={"code": code["code"]}).status_code == status


def test_a_new_code_ends_the_one_before(server: Server, bot: Bot) -> None:
    user, path = server.sign_up(), IDENTITY.format(new_id()) + "/link"
    old, new = (user.post("/users/me/link-codes").json()["code"] for _ in range(2))
    check_problem(bot.post(path, json={"code": old}), 404, "link_code_not_found")
    assert bot.post(path, json={"code": new}).status_code == 200


def test_a_code_still_works_after_tries_that_failed(server: Server, bot: Bot) -> None:
    user, linked, telegram_id = server.sign_up(), new_id(), new_id()
    link(bot, linked, server.sign_up())
    code = user.post("/users/me/link-codes").json()["code"]
    for wrong in ("1111111111", code.swapcase(), code[:-1], "é" * 10, "' OR 1 --"):
        response = bot.post(IDENTITY.format(telegram_id) + "/link", json={"code": wrong})
        check_problem(response, 404, "link_code_not_found")
    check_problem(bot.post(IDENTITY.format(linked) + "/link", json={"code": code}), 409, "telegram_linked")
    assert bot.post(IDENTITY.format(telegram_id) + "/link", json={"code": code}).status_code == 200


def test_a_code_is_kept_as_a_hash_alone(server: Server) -> None:
    code = server.sign_up().post("/users/me/link-codes").json()["code"]
    path = server.settings.database_path
    files = [path, path.with_name(path.name + "-wal")]
    assert not any(code.encode() in file.read_bytes() for file in files)


def test_unlinking_leaves_the_user_and_frees_the_account(server: Server, bot: Bot) -> None:
    user, stranger, telegram_id = server.sign_up(), server.sign_up(), new_id()
    link(bot, telegram_id, user)
    path = IDENTITY.format(telegram_id)
    check_problem(stranger.delete(path), 404, "identity_not_found")
    assert user.delete(path, headers={"Accept-Language": "en"}).json().keys() == {"message"}
    check_problem(user.delete(path), 404, "identity_not_found")
    check_problem(bot.acting_for(f"telegram:{telegram_id}").get("/users/me"), 404, "identity_not_found")
    assert user.get("/users/me").status_code == 200
    assert bot.put(path, json={}).json()["id"] != user.id


@pytest.mark.parametrize("has", [{}, {"email": "{}@example.com"}, {"password": PASSWORD}])
def test_nobody_unlinks_the_only_way_to_log_in(server: Server, bot: Bot, has: dict[str, str]) -> None:
    person = Person(server, bot)
    if has:
        fields = {name: value.format(person.telegram_id) for name, value in has.items()}
        assert person.bot.patch("/users/me", json=fields).status_code == 200
    path = IDENTITY.format(person.telegram_id)
    check_problem(person.bot.delete(path), 409, "no_other_login")
    assert person.bot.get("/users/me").json()["id"] == person.id
