"""Lets the file shrink after large deletions, while the server runs."""

import asyncio
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import structlog

from eventorg.background.repeat import repeating
from eventorg.domain.errors import DomainError
from eventorg.storage.database import Database

PAUSE = timedelta(hours=1)

log = structlog.get_logger("eventorg.shrinking")


def shrinking(database: Database) -> AbstractAsyncContextManager[None]:
    """Gives free pages of the file back to the disk, at the start and then every hour."""

    async def shrink() -> None:
        try:
            await database.shrink()
        except DomainError as error:  # for example a full disk: shrinking needs some space in the write-ahead log
            log.warning("shrinking_failed", error=error.code, retry_in_seconds=PAUSE.total_seconds())
        await asyncio.sleep(PAUSE.total_seconds())

    return repeating(shrink)
