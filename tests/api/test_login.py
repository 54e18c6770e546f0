"""Login: one answer to every wrong guess, a limit on guesses, and the claims of tokens."""

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from argon2 import PasswordHasher
from msgspec import structs

from eventorg.security.passwords import Passwords
from eventorg.security.secret import load_secret
from eventorg.settings import Settings
from eventorg.testing import PASSWORD, Server, cheap_passwords, check_problem, running

ATTEMPTS = 10


def log_in(server: Server, email: str, password: str = PASSWORD) -> httpx.Response:
    return server.client.post("/login", json={"email": email, "password": password})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(plugins="none", database=str(tmp_path / "eventorg.db"), log_level="error", login_attempts=ATTEMPTS)


def test_an_unknown_email_and_a_wrong_password_get_the_same_answer(server: Server) -> None:
    known = server.sign_up().account["email"]
    wrong, unknown = log_in(server, known, "wrong password"), log_in(server, "nobody@example.com", "wrong password")
    check_problem(wrong, 401, "invalid_credentials")
    assert wrong.content == unknown.content
    assert told(wrong) == told(unknown)


def told(response: httpx.Response) -> dict[str, str]:
    """Returns the headers that do not differ between any two answers."""
    return {name: value for name, value in response.headers.items() if name not in ("date", "x-request-id")}


def test_every_guess_costs_one_hash(settings: Settings) -> None:
    passwords = cheap_passwords()
    with running(settings, passwords=passwords) as server:
        email = server.sign_up().account["email"]
        for guess in ((email, "wrong password"), ("nobody@example.com", PASSWORD), (email, PASSWORD), ("", "")):
            before = passwords.computed
            log_in(server, *guess)
            assert passwords.computed == before + 1


def test_an_account_is_closed_for_a_minute_after_too_many_failures(settings: Settings) -> None:
    with running(settings) as server:
        user = server.sign_up()
        email = user.account["email"]
        for attempt in range(ATTEMPTS):
            check_problem(log_in(server, email.swapcase() if attempt % 2 else email, "wrong"), 401)
            server.clock.advance(seconds=1)
        for password in ("wrong", PASSWORD):
            refused = log_in(server, email, password)
            check_problem(refused, 429, "too_many_logins")
            assert refused.headers["retry-after"] == "50"  # the oldest of ten failures is ten seconds old
        assert user.get("/users/me").status_code == 200
        server.clock.advance(seconds=49)
        assert log_in(server, email).headers["retry-after"] == "1"
        server.clock.advance(seconds=1)
        assert log_in(server, email).status_code == 200


def test_an_address_is_closed_after_too_many_failures_with_any_account(settings: Settings) -> None:
    with running(settings) as server:
        email = server.sign_up().account["email"]
        for number in range(ATTEMPTS):
            check_problem(log_in(server, f"nobody{number}@example.com"), 401)
        check_problem(log_in(server, email), 429, "too_many_logins")
        server.clock.advance(minutes=1)
        assert log_in(server, email).status_code == 200


def test_an_account_is_closed_whatever_address_guesses(settings: Settings) -> None:
    with running(structs.replace(settings, trusted_proxies="127.0.0.1")) as server:
        email, other = (server.sign_up().account["email"] for _ in range(2))
        for number in range(ATTEMPTS):
            headers = {"X-Forwarded-For": f"192.0.2.{number}"}
            body = {"email": email, "password": "wrong"}
            check_problem(server.client.post("/login", json=body, headers=headers), 401)
        check_problem(log_in(server, email), 429, "too_many_logins")
        assert log_in(server, other).status_code == 200


def test_an_address_that_is_not_a_trusted_proxy_cannot_pretend(settings: Settings) -> None:
    with running(settings) as server:
        for number in range(ATTEMPTS + 1):
            body = {"email": f"nobody{number}@example.com", "password": "wrong"}
            last = server.client.post("/login", json=body, headers={"X-Forwarded-For": f"192.0.2.{number}"})
        check_problem(last, 429, "too_many_logins")


def test_successes_are_not_counted(settings: Settings) -> None:
    with running(settings) as server:
        email = server.sign_up().account["email"]
        for _ in range(ATTEMPTS - 1):
            log_in(server, email, "wrong")
        for _ in range(ATTEMPTS):
            assert log_in(server, email).status_code == 200


def test_guesses_made_side_by_side_gain_nothing(settings: Settings) -> None:
    with running(settings) as server:
        email = server.sign_up().account["email"]
        guesses = ["wrong"] * 29 + [PASSWORD]
        with ThreadPoolExecutor(30) as pool:
            answers = [answer.status_code for answer in pool.map(lambda guess: log_in(server, email, guess), guesses)]
        assert answers.count(401) == ATTEMPTS
        assert answers.count(401) + answers.count(429) + answers.count(200) == 30
        check_problem(log_in(server, email), 429, "too_many_logins")


def password_hash(settings: Settings) -> str:
    """Returns the stored password hash of the only user."""
    with closing(sqlite3.connect(f"{settings.database_path.as_uri()}?mode=ro", uri=True)) as connection:
        ((kept,),) = connection.execute("SELECT password_hash FROM users")
    return str(kept)


def test_a_hash_of_weaker_parameters_is_replaced_and_tokens_stay(settings: Settings) -> None:
    with running(settings) as server:
        user = server.sign_up()
        email, weak = user.account["email"], password_hash(settings)
    stronger = Passwords(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    with running(settings, passwords=stronger) as server:
        check_problem(log_in(server, email, "wrong"), 401)
        assert password_hash(settings) == weak
        assert log_in(server, email).status_code == 200
        strong = password_hash(settings)
        assert "m=8,t=1,p=1" in weak
        assert "m=16,t=2,p=1" in strong
        assert server.client.get("/users/me", headers=user.headers).json() == user.account
        assert log_in(server, email).status_code == 200
        assert password_hash(settings) == strong


def test_passwords_are_kept_as_argon2id_of_todays_strength() -> None:
    hashed = asyncio.run(Passwords().hash(PASSWORD))
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def claims_of(token: str, secret: str) -> dict[str, Any]:
    options: Any = {"verify_exp": False, "verify_iat": False}
    claims: dict[str, Any] = jwt.decode(token, secret, algorithms=["HS256"], audience="eventorg", options=options)
    return claims


def test_a_token_says_who_made_it_for_whom_and_until_when(fresh_server: Server) -> None:
    user = fresh_server.sign_up()
    response = log_in(fresh_server, user.account["email"])
    answer = response.json()
    assert answer == {"token": answer["token"], "token_type": "Bearer", "expires_at": "2027-01-02T12:00:00Z"}
    claims = claims_of(answer["token"], load_secret(fresh_server.settings.database_path))
    now = int(fresh_server.clock().timestamp())
    assert claims == {
        "sub": user.id,
        "iat": now,
        "exp": now + 24 * 3600,
        "iss": "eventorg",
        "aud": "eventorg",
        "jti": claims["jti"],
        "ver": 1,
    }
    assert len(claims["jti"]) == 16
    assert log_in(fresh_server, user.account["email"]).json()["token"] != answer["token"]


def test_a_token_lives_as_long_as_is_set(settings: Settings) -> None:
    with running(structs.replace(settings, token_hours=2)) as server:
        user = server.sign_up()
        assert log_in(server, user.account["email"]).json()["expires_at"] == "2027-01-01T14:00:00Z"
        server.clock.advance(hours=1, minutes=59, seconds=59)
        assert user.get("/users/me").status_code == 200
        server.clock.advance(seconds=1)
        check_problem(user.get("/users/me"), 401, "token_expired")


def test_an_old_secret_verifies_and_the_new_one_signs(settings: Settings) -> None:
    old, new = "o" * 32, "n" * 32
    with running(structs.replace(settings, secret=old)) as server:
        user = server.sign_up()
    with running(structs.replace(settings, secret=f"{new}, {old}")) as server:
        assert server.client.get("/users/me", headers=user.headers).json()["id"] == user.id
        token = server.log_in(user.account["email"])
        assert claims_of(token, new)["sub"] == user.id
    with running(structs.replace(settings, secret=new)) as server:
        check_problem(server.client.get("/users/me", headers=user.headers), 401, "token_invalid")
        assert server.client.get("/users/me", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_tokens_outlive_a_restart(settings: Settings) -> None:
    with running(settings) as server:
        user = server.sign_up()
    with running(settings) as server:
        assert server.client.get("/users/me", headers=user.headers).json() == user.account


def test_guessing_the_current_password_has_the_same_brake(fresh_server: Server) -> None:
    user = fresh_server.sign_up()
    guess = {"password": "a new password", "current_password": "a guess"}
    for _ in range(10):
        problem = check_problem(user.patch("/users/me", json=guess), 422)
        assert [fault["code"] for fault in problem["errors"]] == ["wrong_password"]
    right = guess | {"current_password": PASSWORD}
    refused = user.patch("/users/me", json=right)
    check_problem(refused, 429, "too_many_logins")
    fresh_server.clock.advance(seconds=int(refused.headers["retry-after"]))
    assert user.patch("/users/me", json=right).status_code == 200
