"""Repeating a step in the background: over and over, and not beyond the block."""

import asyncio

import pytest

from eventorg.background import repeat
from eventorg.background.repeat import repeating


@pytest.mark.anyio
async def test_the_step_is_repeated_until_the_block_ends() -> None:
    steps = asyncio.Queue[int]()
    count = 0

    async def step() -> None:
        nonlocal count
        count += 1
        await steps.put(count)
        await asyncio.sleep(0)

    async with repeating(step):
        assert [await steps.get() for _ in range(3)] == [1, 2, 3]
    ended = count
    await asyncio.sleep(0)
    assert count == ended


@pytest.mark.anyio
async def test_the_block_waits_for_a_cancelled_step_to_clean_up() -> None:
    begun, cleaned_up = asyncio.Event(), False

    async def step() -> None:
        nonlocal cleaned_up
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned_up = True

    async with repeating(step):
        await begun.wait()
    assert cleaned_up


@pytest.mark.anyio
async def test_an_error_of_the_step_is_not_lost() -> None:
    raised = asyncio.Event()

    async def step() -> None:
        raised.set()
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        async with repeating(step):
            await raised.wait()


@pytest.mark.anyio
async def test_a_step_that_loses_a_cancellation_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeat, "CANCEL_SECONDS", 0.01)
    begun, is_lost = asyncio.Event(), False

    async def step() -> None:
        nonlocal is_lost
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            is_lost = True
        await asyncio.Event().wait()

    async with asyncio.timeout(10) as limit:
        async with repeating(step):
            await begun.wait()
    assert is_lost
    assert not limit.expired()  # or its cancellation, not ours, has ended the step
