"""Deletes old changes, idempotency records and deliveries while the server runs."""

import asyncio
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import structlog

from eventorg.background.repeat import repeating
from eventorg.domain.errors import DomainError
from eventorg.domain.values import Clock, rfc3339
from eventorg.repositories.changes import ChangeRepository
from eventorg.repositories.deliveries import DeliveryRepository
from eventorg.repositories.idempotency import IdempotencyRepository

PAUSE = timedelta(hours=1)

log = structlog.get_logger("eventorg.retention")


def cleaning_up(
    changes: ChangeRepository,
    idempotency: IdempotencyRepository,
    deliveries: DeliveryRepository,
    kept: timedelta,
    deliveries_kept: timedelta,
    clock: Clock,
) -> AbstractAsyncContextManager[None]:
    """Deletes changes and deliveries older than the given times, and idempotency records older than a day, at the start
    and then every hour."""

    async def clean_up() -> None:
        try:
            await changes.forget(rfc3339(clock() - kept))
            await idempotency.forget()
            await deliveries.forget(rfc3339(clock() - deliveries_kept))
        except DomainError as error:
            log.warning("cleanup_failed", error=error.code, retry_in_seconds=PAUSE.total_seconds())
        await asyncio.sleep(PAUSE.total_seconds())

    return repeating(clean_up)
