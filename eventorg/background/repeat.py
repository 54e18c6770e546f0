"""Repeats a step in the background, next to whatever the block does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress


@asynccontextmanager
async def repeating(step: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Runs `step` over and over until the block ends, then cancels it and waits for it to stop.

    The step makes its own pauses and handles its own errors. An error that it raises ends the repetition and comes out
    of the block when the block ends.
    """

    async def repeat_forever() -> None:
        while True:
            await step()

    task = asyncio.create_task(repeat_forever())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
