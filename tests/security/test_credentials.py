"""Tokens, passwords and the limit on guessing, each at the edges of its promise."""

import asyncio
import base64
import json
import os
import sys
import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock

import jwt
import pytest
from argon2 import PasswordHasher, extract_parameters

from eventorg.domain.errors import TooMany, Unauthenticated, Unavailable
from eventorg.security import login_throttle
from eventorg.security import passwords as passwords_module
from eventorg.security import tokens as tokens_module
from eventorg.security.login_throttle import LoginThrottle
from eventorg.security.passwords import NICENESS, THREADS, Passwords
from eventorg.security.tokens import AUDIENCE, ISSUER, Claims, Tokens
from eventorg.testing import Clock

KEY, OLD_KEY, STRANGERS_KEY = "new" * 12, "old" * 12, "his" * 12
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)

SOMEBODY = "0b9fdc1e-7f5c-4a55-9f0e-3c1d5d3a6f11"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(clock: Clock) -> Tokens:
    tokens = Tokens(clock, timedelta(hours=24))
    tokens.use((KEY, OLD_KEY))
    return tokens


def claims(clock: Clock, **changed: Any) -> dict[str, Any]:
    """Returns the claims of a valid token with some of them changed; None leaves a claim out."""
    now = int(clock().timestamp())
    good = {"sub": SOMEBODY, "iat": now, "exp": now + 60, "iss": ISSUER, "aud": AUDIENCE, "jti": "x", "ver": 1}
    return {name: value for name, value in (good | changed).items() if value is not None}


def test_a_token_is_good_until_it_expires(tokens: Tokens, clock: Clock) -> None:
    clock.advance(milliseconds=1)
    token, expires = tokens.issue(SOMEBODY, 3)
    assert expires == datetime(2027, 1, 2, 12, tzinfo=UTC)
    claims = jwt.decode(token, options={"verify_signature": False})
    expected = Claims(SOMEBODY, 3, int(expires.timestamp()), int(clock().timestamp()), claims["jti"])
    assert tokens.verify(token) == expected
    clock.advance(hours=24, seconds=-1)
    assert tokens.verify(token) == expected
    clock.advance(seconds=1)
    with pytest.raises(Unauthenticated, match=r"^token_expired$"):
        tokens.verify(token)


def test_an_old_secret_verifies_while_it_is_listed(tokens: Tokens, clock: Clock) -> None:
    token = jwt.encode(claims(clock), OLD_KEY, "HS256")
    assert tokens.verify(token).user_id == SOMEBODY
    later = Tokens(clock, timedelta(hours=1))
    later.use((KEY,))
    with pytest.raises(Unauthenticated, match=r"^token_invalid$"):
        later.verify(token)


def test_without_a_secret_no_token_is_good(tokens: Tokens, clock: Clock) -> None:
    token, _ = tokens.issue(SOMEBODY, 1)
    with pytest.raises(Unauthenticated, match=r"^token_invalid$"):
        Tokens(clock, timedelta(hours=1)).verify(token)


@pytest.mark.parametrize(
    "changed",
    [{name: None} for name in ("sub", "iat", "exp", "iss", "aud", "jti", "ver")]
    + [{"iss": "another"}, {"aud": "another"}, {"ver": "1"}, {"exp": 1e308}, {"exp": "soon"}, {"sub": 7}, {"iat": []}],
    ids=str,
)
def test_claims_out_of_form_are_refused(tokens: Tokens, clock: Clock, changed: dict[str, Any]) -> None:
    assert tokens.verify(jwt.encode(claims(clock), KEY, "HS256")).user_id == SOMEBODY
    with pytest.raises(Unauthenticated, match=r"^token_invalid$"):
        tokens.verify(jwt.encode(claims(clock, **changed), KEY, "HS256"))


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_forgeries_are_refused(tokens: Tokens, clock: Clock) -> None:
    good, _ = tokens.issue(SOMEBODY, 1)
    head, body, signature = good.split(".")
    forged = [
        jwt.encode(claims(clock), STRANGERS_KEY, "HS256"),
        jwt.encode(claims(clock), KEY * 2, "HS512"),
        f"{part({'alg': 'none', 'typ': 'JWT'})}.{body}.",
        f"{head}.{part(claims(clock, sub='somebody else'))}.{signature}",
        f"{head}.{body}.{signature[:-4]}AAAA",
        f"{part([])}.{body}.{signature}",
        f"{head}.{body}",
        "",
        "a.b.c",
        "\udcff.b.c",
        good + "é",
        "x" * 5000,
    ]
    for token in forged:
        with pytest.raises(Unauthenticated, match=r"^token_invalid$"):
            tokens.verify(token)


@pytest.mark.parametrize("year", [2020, 2120])
def test_only_the_clock_that_is_given_counts(year: int) -> None:
    clock = Clock(datetime(year, 1, 1, tzinfo=UTC))
    tokens = Tokens(clock, timedelta(hours=1))
    tokens.use((KEY,))
    token, _ = tokens.issue(SOMEBODY, 1)
    assert tokens.verify(token).user_id == SOMEBODY
    clock.advance(hours=1)
    with pytest.raises(Unauthenticated, match=r"^token_expired$"):
        tokens.verify(token)


def test_a_token_has_a_length_at_most(tokens: Tokens, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    token = jwt.encode(claims(clock), KEY, "HS256")
    monkeypatch.setattr(tokens_module, "MAX_TOKEN", len(token) - 1)
    with pytest.raises(Unauthenticated, match=r"^token_invalid$"):
        tokens.verify(token)
    monkeypatch.setattr(tokens_module, "MAX_TOKEN", len(token))
    assert tokens.verify(token).user_id == SOMEBODY


@pytest.mark.anyio
async def test_a_password_matches_its_own_hash_alone() -> None:
    passwords = Passwords(QUICK)
    hashed = await passwords.hash("correct horse")
    assert hashed.startswith("$argon2id$")
    assert await passwords.verify("correct horse", hashed)
    assert not await passwords.verify("battery staple", hashed)
    assert not await passwords.verify("correct horse", "no hash at all")
    assert not passwords.is_outdated(hashed)
    assert Passwords(PasswordHasher(time_cost=2, memory_cost=8, parallelism=1)).is_outdated(hashed)


@pytest.mark.anyio
async def test_an_unknown_user_costs_the_same_work() -> None:
    passwords = Passwords(QUICK)
    for computed in (1, 2):
        assert not await passwords.verify("nobody has this password", None)
        assert passwords.computed == computed
    assert extract_parameters(passwords._decoy) == extract_parameters(await passwords.hash("a password"))


@pytest.mark.anyio
async def test_few_passwords_are_computed_at_once_and_too_many_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords_module, "MAX_QUEUE", 1)
    passwords = Passwords(QUICK)
    for _ in range(2):  # what is done leaves room for as many
        await compute_as_many_as_may_wait(passwords)


async def compute_as_many_as_may_wait(passwords: Passwords) -> None:
    """Submits one hash too many and checks that it is refused."""
    loop, all_run, go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
    running = 0

    def compute() -> int:
        nonlocal running
        running += 1
        if running == THREADS:
            loop.call_soon_threadsafe(all_run.set)
        go_on.wait()
        return running

    most = THREADS + passwords_module.MAX_QUEUE
    tasks = [asyncio.create_task(passwords._compute(compute)) for _ in range(most)]
    await all_run.wait()
    try:
        with pytest.raises(Unavailable, match=r"^busy$"):
            await asyncio.wait_for(passwords.hash("one too many"), 1)
        assert running == THREADS
    finally:
        go_on.set()
    assert len(await asyncio.gather(*tasks)) == most


@pytest.mark.anyio
async def test_a_password_whose_turn_does_not_come_is_refused_and_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords, go_on = Passwords(QUICK), threading.Event()
    computed: list[str] = []
    running = [asyncio.create_task(passwords._compute(go_on.wait)) for _ in range(THREADS)]
    await asyncio.sleep(0)
    monkeypatch.setattr(passwords_module, "MAX_WAIT_SECONDS", 0.05)
    try:
        with pytest.raises(Unavailable, match=r"^busy$"):
            await passwords._compute(computed.append, "in vain")
    finally:
        monkeypatch.undo()
        go_on.set()
    assert await asyncio.gather(*running) == [True] * THREADS
    await passwords._compute(computed.append, "in time")
    assert computed == ["in time"]


@pytest.mark.anyio
@pytest.mark.skipif(sys.platform != "linux", reason="a niceness for each thread is Linux's")
async def test_requests_go_before_passwords() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    ours = niceness()
    assert await Passwords(QUICK)._compute(niceness) == max(ours, NICENESS)
    assert niceness() == ours


@pytest.mark.anyio
@pytest.mark.skipif(sys.platform != "linux", reason="a niceness for each thread is Linux's")
async def test_passwords_are_computed_where_a_niceness_is_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse = Mock(side_effect=PermissionError("Operation not permitted"))
    monkeypatch.setattr(os, "setpriority", refuse)
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(
        passwords_module.log, "warning", lambda event, *, error, consequence: told.append((event, error))
    )
    passwords = Passwords(QUICK)
    assert await passwords.verify("secret", await passwords.hash("secret"))
    refuse.assert_called()
    assert set(told) == {("thread_priority_denied", "Operation not permitted")}


def test_failures_are_counted_by_key_within_a_minute(clock: Clock) -> None:
    throttle = LoginThrottle(2, clock)
    throttle.fail("account", "address")
    clock.advance(seconds=20)
    throttle.check("account", "address")
    throttle.fail("account")
    with pytest.raises(TooMany) as error:
        throttle.check("account", "address")
    assert error.value.retry_after == 40
    throttle.check("address")
    clock.advance(seconds=39.5)
    with pytest.raises(TooMany) as error:
        throttle.check("address", "account")
    assert error.value.retry_after == 1
    clock.advance(seconds=0.5)
    throttle.check("account", "address")


def test_the_oldest_key_is_forgotten_rather_than_grow(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login_throttle, "MAX_KEYS", 2)
    throttle = LoginThrottle(1, clock)
    throttle.fail("first", "second", "third")
    throttle.check("first")
    for key in ("second", "third"):
        with pytest.raises(TooMany):
            throttle.check(key)
