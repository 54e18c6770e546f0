"""Passwords wait in two queues: logins first, and a bounded number of sign-ups of one address."""

import asyncio
import threading

import pytest
from argon2 import PasswordHasher

from eventorg.domain.errors import Unavailable
from eventorg.security import passwords as passwords_module
from eventorg.security.passwords import THREADS, Passwords

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.mark.anyio
async def test_logins_are_computed_before_sign_ups_that_came_first() -> None:
    passwords, go_on = Passwords(QUICK), threading.Event()
    order: list[str] = []
    running = [asyncio.create_task(passwords._compute(go_on.wait)) for _ in range(THREADS)]
    await asyncio.sleep(0)
    waiting = []
    for name, sender in (("first sign-up", "a"), ("second sign-up", "b"), ("login", None), ("later login", None)):
        waiting.append(asyncio.create_task(passwords._compute(order.append, name, sender=sender)))
        await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(*running, *waiting)
    position = {name: order.index(name) for name in order}
    assert max(position["login"], position["later login"]) < len(order) - 1
    assert order[-1] == "second sign-up"
    assert len(order) == 4


@pytest.mark.anyio
async def test_sign_ups_of_one_address_wait_in_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords_module, "MAX_QUEUE_OF_ONE", 2)
    passwords, go_on = Passwords(QUICK), threading.Event()
    for _ in range(2):  # what is done leaves room for as many
        running = [asyncio.create_task(passwords._compute(go_on.wait)) for _ in range(THREADS)]
        await asyncio.sleep(0)
        waiting = [asyncio.create_task(passwords.hash("a password", "crowd")) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match=r"^busy$"):
            await passwords.hash("one too many", "crowd")
        others = [
            passwords.hash("a password", "another"),
            passwords.hash("a new password"),
            passwords.verify("x", None),
        ]
        waiting_others = [asyncio.create_task(other) for other in others]
        await asyncio.sleep(0)
        go_on.set()
        assert len(await asyncio.gather(*running, *waiting, *waiting_others)) == THREADS + 5
        go_on.clear()


@pytest.mark.anyio
async def test_a_sign_up_that_is_given_up_leaves_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords_module, "MAX_QUEUE_OF_ONE", 1)
    passwords, go_on = Passwords(QUICK), threading.Event()
    running = [asyncio.create_task(passwords._compute(go_on.wait)) for _ in range(THREADS)]
    await asyncio.sleep(0)
    for _ in range(3):
        waiting = asyncio.create_task(passwords.hash("a password", "crowd"))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    last = asyncio.create_task(passwords.hash("a password", "crowd"))
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(*running, last)
    assert passwords._running == 0
