"""Callers are remembered, and no longer so at once when somebody ceases to be who they were, whoever had it so."""

import sqlite3
from contextlib import closing

import pytest

from eventorg.repositories import callers
from eventorg.repositories.callers import CallerRepository
from eventorg.storage.transactions import Transaction
from eventorg.testing import Bot, Server, check_problem
from tests.telegram import Person


def say(server: Server, statement: str, *values: object) -> None:
    """As an operator with a shell of SQLite's would."""
    with closing(sqlite3.connect(server.settings.database_path, isolation_level=None)) as file:
        file.execute("PRAGMA foreign_keys = ON")
        assert file.execute(statement, values).rowcount == 1


@pytest.fixture
def bot(server: Server) -> Bot:
    return server.make_bot("act")


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whom the database was asked for."""
    asked: list[str] = []
    load_user, load_bot = CallerRepository._load_user, CallerRepository._load_bot

    def load(self: CallerRepository, tx: Transaction, user_id: str) -> object:
        asked.append(user_id)
        return load_user(self, tx, user_id)

    def load_for(self: CallerRepository, tx: Transaction, token: str, act_as: str | None) -> object:
        asked.append(str(act_as))
        return load_bot(self, tx, token, act_as)

    monkeypatch.setattr(CallerRepository, "_load_user", load)
    monkeypatch.setattr(CallerRepository, "_load_bot", load_for)
    return asked


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE users SET token_version = token_version + 1 WHERE id = ?",
        "DELETE FROM users WHERE id = ?",
    ],
)
def test_a_login_ends_at_once_whoever_ends_it(server: Server, statement: str) -> None:
    user = server.sign_up()
    assert user.get("/users/me").status_code == 200
    say(server, statement, user.id)
    check_problem(user.get("/users/me"), 401, "token_revoked")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE bots SET revoked_at = '2027-01-01T00:00:00Z' WHERE name = ?",
        "UPDATE bots SET token_sha256 = 'another' WHERE name = ?",
        "DELETE FROM bots WHERE name = ?",
    ],
)
def test_a_bots_token_ends_at_once_whoever_ends_it(server: Server, bot: Bot, statement: str) -> None:
    user = server.sign_up()
    assert bot.acting_for(user.id).get("/users/me").status_code == 200
    say(server, statement, bot.name)
    check_problem(bot.acting_for(user.id).get("/users/me"), 401, "token_revoked")


def test_a_bot_loses_a_scope_at_once(server: Server, bot: Bot) -> None:
    user = server.sign_up()
    assert bot.acting_for(user.id).get("/users/me").status_code == 200
    say(server, "UPDATE bots SET scopes = 'changes' WHERE name = ?", bot.name)
    check_problem(bot.acting_for(user.id).get("/users/me"), 403, "scope_missing")


def test_a_telegram_account_is_another_users_at_once(server: Server, bot: Bot) -> None:
    person, other = Person(server, bot), server.sign_up()
    assert person.bot.get("/users/me").json()["id"] == person.id
    say(server, "UPDATE telegram_identities SET user_id = ? WHERE user_id = ?", other.id, person.id)
    assert person.bot.get("/users/me").json()["id"] == other.id
    say(server, "DELETE FROM telegram_identities WHERE user_id = ?", other.id)
    check_problem(person.bot.get("/users/me"), 404, "user_not_found")


def test_nobody_is_acted_for_who_is_gone(server: Server, bot: Bot) -> None:
    user = server.sign_up()
    acting = bot.acting_for(user.id)
    assert acting.get("/users/me").status_code == 200
    assert user.delete("/users/me").status_code == 200
    check_problem(acting.get("/users/me"), 404, "user_not_found")


def test_what_else_is_written_makes_nobody_unknown(server: Server, bot: Bot, loads: list[str]) -> None:
    user, host = server.sign_up(), server.sign_up()
    event = host.create_event()["id"]
    for client in (user, bot.acting_for(user.id)) * 2:
        client.post(f"/events/{event}/register")
        client.delete(f"/events/{event}/register")
        client.patch("/users/me", json={"first_name": "Anna"})
        say(server, "UPDATE events SET title = 'Tea' WHERE id = ?", event)
    assert loads.count(user.id) == 2  # once by the login, once by the bot


def test_whoever_is_gone_has_the_others_looked_up_again(server: Server, loads: list[str]) -> None:
    user, other = server.sign_up(), server.sign_up()
    user.get("/users/me")
    other.delete("/users/me")
    user.get("/users/me")
    assert loads.count(user.id) == 2


def test_only_so_many_are_known(server: Server, loads: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    users = [server.sign_up() for _ in range(3)]
    server.sign_up().delete("/users/me")  # all are forgotten
    monkeypatch.setattr(callers, "MAX_CALLERS", 2)
    for number, user in enumerate((*users, *users)):
        assert user.patch("/users/me", json={"first_name": f"Anna {number}"}).status_code == 200
    assert [loads.count(user.id) for user in users] == [2, 2, 2]
