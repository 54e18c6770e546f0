"""Carries out open tasks while the server runs: those of its requests, of commands, and of a server that stopped."""

import asyncio
from contextlib import AbstractAsyncContextManager

import structlog

from eventorg.background.repeat import repeating
from eventorg.domain.errors import DomainError
from eventorg.repositories.open_tasks import OpenTaskRepository

PAUSE_SECONDS = 0.25
RETRY_SECONDS = 5.0

log = structlog.get_logger("eventorg.open_tasks")


def carrying_out_tasks(open_tasks: OpenTaskRepository) -> AbstractAsyncContextManager[None]:
    """Looks for open tasks four times a second, which reads nothing while nobody commits, and carries them out."""

    async def carry_out() -> None:
        try:
            is_done = await open_tasks.finish()
        except DomainError as error:
            log.warning("open_tasks_postponed", error=error.code)
            is_done = False
        await asyncio.sleep(PAUSE_SECONDS if is_done else RETRY_SECONDS)

    return repeating(carry_out)
