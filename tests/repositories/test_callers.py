"""Callers are cached, and a revocation ends that at once, whichever process makes it."""

import sqlite3
from collections.abc import Callable
from contextlib import closing

import jwt
import pytest

from eventorg.domain.callers import Caller
from eventorg.repositories import callers
from eventorg.repositories.callers import CachedCaller, CallerCache, CallerRepository
from eventorg.security.tokens import hash_token
from eventorg.storage.database import Database
from eventorg.storage.transactions import Transaction
from eventorg.testing import Bot, Server, check_problem
from tests.telegram import Person


def say(server: Server, statement: str, *values: object) -> None:
    """Runs a statement in another connection, as an operator with the SQLite shell would."""
    with closing(sqlite3.connect(server.settings.database_path, isolation_level=None)) as file:
        file.execute("PRAGMA foreign_keys = ON")
        assert file.execute(statement, values).rowcount == 1


@pytest.fixture
def bot(server: Server) -> Bot:
    return server.make_bot("act")


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The users that were looked up in the database."""
    asked: list[str] = []
    load_user, load_bot = CallerRepository._load_user, CallerRepository._load_bot

    def load(self: CallerRepository, tx: Transaction, user_id: str, version: int, token_id: str) -> Caller:
        asked.append(user_id)
        return load_user(self, tx, user_id, version, token_id)

    def load_for(self: CallerRepository, tx: Transaction, token_sha256: str, act_as: str | None) -> Caller:
        asked.append(str(act_as))
        return load_bot(self, tx, token_sha256, act_as)

    monkeypatch.setattr(CallerRepository, "_load_user", load)
    monkeypatch.setattr(CallerRepository, "_load_bot", load_for)
    return asked


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE users SET token_version = token_version + 1 WHERE id = ?",
        "DELETE FROM users WHERE id = ?",
        "INSERT INTO ended_logins SELECT TOKEN_ID, id, '2100-01-01T00:00:00Z' FROM users WHERE id = ?",
    ],
)
def test_a_login_ends_at_once_whoever_ends_it(server: Server, statement: str) -> None:
    user = server.sign_up()
    assert user.get("/users/me").status_code == 200
    claims = jwt.decode(user.token, options={"verify_signature": False})
    say(server, statement.replace("TOKEN_ID", repr(claims["jti"])), user.id)
    check_problem(user.get("/users/me"), 401, "token_revoked")


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE bots SET revoked_at = '2027-01-01T00:00:00Z' WHERE name = ?", "token_revoked"),
        ("UPDATE bots SET token_sha256 = 'another' WHERE name = ?", "token_invalid"),
        ("DELETE FROM bots WHERE name = ?", "token_invalid"),
    ],
)
def test_a_bots_token_ends_at_once_whoever_ends_it(server: Server, bot: Bot, statement: str, code: str) -> None:
    user = server.sign_up()
    assert bot.acting_for(user.id).get("/users/me").status_code == 200
    say(server, statement, bot.name)
    check_problem(bot.acting_for(user.id).get("/users/me"), 401, code)


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
    check_problem(person.bot.get("/users/me"), 404, "identity_not_found")


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


def test_a_revocation_has_the_others_looked_up_again(server: Server, loads: list[str]) -> None:
    user, other = server.sign_up(), server.sign_up()
    user.get("/users/me")
    other.delete("/users/me")
    user.get("/users/me")
    assert loads.count(user.id) == 2


def test_the_signature_of_a_token_is_verified_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    user, other = server.sign_up(), server.sign_up()
    assert user.get("/users/me").status_code == 200
    verified: list[str] = []
    decode = jwt.decode

    def counted(token: str, *arguments: object, **options: object) -> object:
        verified.append(token)
        return decode(token, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(jwt, "decode", counted)
    assert other.delete("/users/me").status_code == 200  # a revocation of somebody else
    assert user.get("/users/me").status_code == 200
    assert verified == [other.token]


def test_a_cached_token_expires(fresh_server: Server) -> None:
    user = fresh_server.sign_up()
    assert user.get("/users/me").status_code == 200
    fresh_server.clock.advance(hours=24)
    for _ in range(2):
        check_problem(user.get("/users/me"), 401, "token_expired")


def test_the_use_of_a_bot_that_is_created_again_is_noted(server: Server) -> None:
    bot = server.make_bot("changes")
    assert bot.get("/changes").status_code == 200
    server.wait_for(lambda: last_use(server, bot))
    server.revoke(bot)
    bot.token = server._on_its_loop(server._core.bots.create(bot.name, ["changes"]))
    assert last_use(server, bot) is None
    assert bot.get("/changes").status_code == 200
    server.wait_for(lambda: last_use(server, bot))


def last_use(server: Server, bot: Bot) -> object:
    with closing(sqlite3.connect(server.settings.database_path)) as file:
        return file.execute("SELECT last_used_at FROM bots WHERE name = ?", (bot.name,)).fetchone()[0]


def test_no_cache_is_keyed_by_a_token(server: Server, bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """`Database.look_up` remembers the values that it is given too."""
    given: list[object] = []
    look_up = Database.look_up

    async def recorded(self: Database, work: Callable[..., object], *values: object) -> object:
        given.append(values)
        return await look_up(self, work, *values)

    monkeypatch.setattr(Database, "look_up", recorded)
    user = server.sign_up()
    for client in (user, bot.acting_for(user.id)):
        assert client.get("/users/me").status_code == 200
    held = repr((given, server._core.callers._cache._callers))
    assert held.count(hash_token(bot.token)) == 2
    assert user.id in held
    assert user.token not in held
    assert bot.token not in held


def test_the_least_recently_used_caller_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers, "MAX_CALLERS", 2)
    cache = CallerCache()
    cached = {name: CachedCaller(Caller(user_id=name), 0) for name in "abc"}
    cache.put(("a", None), cached["a"])
    cache.put(("b", None), cached["b"])
    assert cache.get(("a", None)) == cached["a"]
    cache.put(("c", None), cached["c"])
    assert [cache.get((name, None)) for name in "abc"] == [cached["a"], None, cached["c"]]


def test_callers_are_looked_up_again_once_the_cache_is_full(
    fresh_server: Server, loads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callers, "MAX_CALLERS", 2)
    users = [fresh_server.sign_up() for _ in range(3)]
    for number, user in enumerate((*users, *users)):
        assert user.patch("/users/me", json={"first_name": f"Anna {number}"}).status_code == 200
    assert [loads.count(user.id) for user in users] == [2, 2, 2]
