"""Argon2id hashes, computed off the event loop, at most two at a time, and never on every core."""

import asyncio
import os
import secrets
import sys
import threading
from base64 import b64encode
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar, TypeVarTuple, Unpack

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from argon2.low_level import ARGON2_VERSION

from eventorg.domain.errors import Unavailable
from eventorg.logger import Logger

PARAMETERS: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""The minimum for Argon2id of OWASP (Password Storage Cheat Sheet): 19 MiB, two passes, one lane."""

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")

THREADS: Final = max(1, min(2, (os.cpu_count() or 1) // 2))
MAX_QUEUE = 256
MAX_QUEUE_OF_ONE = 32
MAX_WAIT_SECONDS = 10.0
NICENESS: Final = 19
"""At this niceness Linux gives a thread only idle time, and a seventieth of a busy processor."""

log = Logger("eventorg.passwords")


class Passwords:
    """Hashes and verifies passwords.

    Sign-ups have a queue of their own and wait for logins, so that many sign-ups keep nobody from logging in. Raises
    `Unavailable` at once if more than `MAX_QUEUE` wait in a queue, or more than `MAX_QUEUE_OF_ONE` of one sender of
    sign-ups, and after `MAX_WAIT_SECONDS` without a result, because requests have priority and can keep every processor
    busy.
    """

    def __init__(self, hasher: PasswordHasher = PARAMETERS) -> None:
        self._hasher = hasher
        self._threads = ThreadPoolExecutor(THREADS, "passwords", _give_way)
        self._running = 0
        self._logins: deque[asyncio.Future[None]] = deque()
        self._sign_ups: deque[asyncio.Future[None]] = deque()
        self._senders: Counter[str] = Counter()
        self._decoy = _make_decoy(hasher)
        self.computed = 0

    async def hash(self, password: str, sender: str | None = None) -> str:
        """Returns the hash to store, with its parameters and salt. `sender` is the address that signs up; without one
        the password is computed in turn with logins."""
        return await self._compute(self._hasher.hash, password, sender=sender)

    async def verify(self, password: str, hashed: str | None) -> bool:
        """Returns true if the password belongs to the hash. Without a hash (unknown user), it does the same work and
        returns false."""
        return await self._compute(self._matches, password, hashed or self._decoy) and hashed is not None

    def is_outdated(self, hashed: str) -> bool:
        """Returns true if the hash was made with other parameters than today's and must be replaced."""
        return self._hasher.check_needs_rehash(hashed)

    def _matches(self, password: str, hashed: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (Argon2Error, InvalidHashError):
            return False

    async def _compute(
        self,
        function: Callable[[Unpack[Arguments]], Result],
        *arguments: *Arguments,
        sender: str | None = None,
    ) -> Result:
        try:
            async with asyncio.timeout(MAX_WAIT_SECONDS):
                await self._wait_for_turn(sender)
                self.computed += 1
                computing = asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)
                computing.add_done_callback(self._pass_turn)
                return await computing
        except TimeoutError:
            raise Unavailable("busy") from None

    async def _wait_for_turn(self, sender: str | None) -> None:
        """Returns when a thread is free for this password. Raises `Unavailable` if too many wait."""
        if self._running < THREADS:
            self._running += 1
            return
        queue = self._logins if sender is None else self._sign_ups
        if len(queue) >= MAX_QUEUE or (sender is not None and self._senders[sender] >= MAX_QUEUE_OF_ONE):
            raise Unavailable("busy")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        if sender is not None:
            self._senders[sender] += 1
        try:
            await turn
        except BaseException:
            if turn.cancelled():
                queue.remove(turn)
            else:
                self._pass_turn(turn)  # it came together with the end of the request
            raise
        finally:
            if sender is not None:
                self._senders[sender] -= 1
                if not self._senders[sender]:
                    del self._senders[sender]

    def _pass_turn(self, _: object) -> None:
        """Gives the thread that has become free to the next login, or else to the next sign-up."""
        for queue in (self._logins, self._sign_ups):
            while queue:
                turn = queue.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._running -= 1


def _make_decoy(hasher: PasswordHasher) -> str:
    """Returns a random Argon2 hash that no password matches. It costs nothing to make. Verifying a password against it
    takes as long as against a real hash."""
    salt, digest = (
        b64encode(secrets.token_bytes(length)).rstrip(b"=").decode() for length in (hasher.salt_len, hasher.hash_len)
    )
    parameters = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v={ARGON2_VERSION}${parameters}${salt}${digest}"


def _give_way() -> None:
    """Gives requests priority: on Linux each thread has its own niceness (setpriority(2), under "C library/kernel
    differences"). Where a sandbox forbids that, passwords are computed at normal priority."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        try:
            os.setpriority(os.PRIO_PROCESS, thread, max(NICENESS, os.getpriority(os.PRIO_PROCESS, thread)))
        except PermissionError as error:
            log.warning(
                "thread_priority_denied", error=str(error), consequence="passwords are hashed at normal priority"
            )
