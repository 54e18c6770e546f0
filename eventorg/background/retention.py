"""Forgets what has outlived its time, while the server runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import structlog

from eventorg.domain.errors import DomainError
from eventorg.domain.values import Clock, rfc3339
from eventorg.repositories.changes import ChangeRepository
from eventorg.repositories.idempotency import OutcomeRepository

PAUSE = timedelta(hours=1)

log = structlog.get_logger("eventorg.housekeeping")


@asynccontextmanager
async def housekeeping(
    changes: ChangeRepository, outcomes: OutcomeRepository, kept: timedelta, clock: Clock
) -> AsyncIterator[None]:
    """Sweeps at the start and every hour of the block: changes older than `kept`, outcomes older than a day."""

    async def sweep_for_ever() -> None:
        while True:
            try:
                await changes.forget(rfc3339(clock() - kept))
                await outcomes.forget()
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
