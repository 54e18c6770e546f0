"""Forgets what has outlived its time, while the server runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import structlog

from eventorg.domain.errors import DomainError
from eventorg.domain.values import Clock, rfc3339
from eventorg.repositories.changes import ChangeRepository
from eventorg.repositories.idempotency import IdempotencyRepository

PAUSE = timedelta(hours=1)

log = structlog.get_logger("eventorg.housekeeping")


@asynccontextmanager
async def housekeeping(
    changes: ChangeRepository, idempotency: IdempotencyRepository, kept: timedelta, clock: Clock
) -> AsyncIterator[None]:
    """Deletes changes older than `kept` and idempotency records older than a day, at the start and then every hour."""

    async def sweep_for_ever() -> None:
        while True:
            try:
                await changes.forget(rfc3339(clock() - kept))
                await idempotency.forget()
            except DomainError as error:
                log.warning("put off", reason=error.code)
            await asyncio.sleep(PAUSE.total_seconds())

    task = asyncio.create_task(sweep_for_ever())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
