"""Argon2id hashes, computed off the event loop, at most two at a time, and never on every core."""

import asyncio
import os
import secrets
import sys
import threading
from base64 import b64encode
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
MAX_WAIT_SECONDS = 10.0
NICENESS: Final = 19
"""At this niceness Linux gives a thread only idle time, and a seventieth of a busy processor."""

log = Logger("eventorg.passwords")


class Passwords:
    """Hashes and verifies passwords.

    Raises `Unavailable` at once if more than `MAX_QUEUE` wait, and after `MAX_WAIT_SECONDS` without a result, because
    requests have priority and can keep every processor busy.
    """

    def __init__(self, hasher: PasswordHasher = PARAMETERS) -> None:
        self._hasher = hasher
        self._threads = ThreadPoolExecutor(THREADS, "passwords", _give_way)
        self._asked = 0
        self._decoy = _make_decoy(hasher)
        self.computed = 0

    async def hash(self, password: str) -> str:
        """Returns the hash to store, with its parameters and salt."""
        return await self._compute(self._hasher.hash, password)

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

    async def _compute(self, function: Callable[[Unpack[Arguments]], Result], *arguments: *Arguments) -> Result:
        if self._asked >= MAX_QUEUE + THREADS:
            raise Unavailable("busy")
        self.computed += 1
        self._asked += 1
        computing = asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)
        computing.add_done_callback(self._count_down)
        try:
            return await asyncio.wait_for(computing, MAX_WAIT_SECONDS)
        except TimeoutError:
            raise Unavailable("busy") from None

    def _count_down(self, _: asyncio.Future[Result]) -> None:
        self._asked -= 1


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
