"""Repeats a step in the background, next to whatever the block does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

CANCEL_SECONDS: Final = 1.0
"""The time after which a step that goes on is cancelled again."""


@asynccontextmanager
async def repeating(step: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Runs `step` over and over until the block ends, then cancels it and waits for it to stop. A library can lose a
    cancellation, as `asyncio.wait_for` before Python 3.12 does if the awaited work ends at the same time.

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
        while not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=CANCEL_SECONDS)
        if not task.cancelled():
            task.result()
