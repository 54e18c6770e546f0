"""Deletes old changes, idempotency records, deliveries, mails with codes, and ended logins while the server runs."""

import asyncio
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import structlog

from eventorg.background.repeat import repeating
from eventorg.domain.errors import DomainError
from eventorg.domain.values import Clock, rfc3339
from eventorg.repositories.account_mails import AccountMailRepository
from eventorg.repositories.changes import ChangeRepository
from eventorg.repositories.deliveries import DeliveryRepository
from eventorg.repositories.idempotency import IdempotencyRepository
from eventorg.repositories.logins import LoginRepository

PAUSE = timedelta(hours=1)

log = structlog.get_logger("eventorg.retention")


def cleaning_up(
    changes: ChangeRepository,
    idempotency: IdempotencyRepository,
    deliveries: DeliveryRepository,
    account_mails: AccountMailRepository,
    logins: LoginRepository,
    kept: timedelta,
    deliveries_kept: timedelta,
    clock: Clock,
) -> AbstractAsyncContextManager[None]:
    """Deletes changes and deliveries older than the given times, idempotency records older than a day, mails with codes
    older than an hour, and what is stored about expired codes and tokens, at the start and then every hour."""

    async def clean_up() -> None:
        try:
            await changes.forget(rfc3339(clock() - kept))
            await idempotency.forget()
            await deliveries.forget(rfc3339(clock() - deliveries_kept))
            await account_mails.forget()
            await logins.forget()
        except DomainError as error:
            log.warning("cleanup_failed", error=error.code, retry_in_seconds=PAUSE.total_seconds())
        await asyncio.sleep(PAUSE.total_seconds())

    return repeating(clean_up)
