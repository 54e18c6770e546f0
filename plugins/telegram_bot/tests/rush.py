"""A rush: many people tap the buttons of one card within a few seconds."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

PEOPLE = 200
SECONDS = 10.0


def tap_all(
    telegram: Any, card: Any, people: Sequence[Any], seconds: float = SECONDS, button: str = "Going"
) -> list[float | None]:
    """Taps as each person, evenly spread over the seconds. Returns when each was answered on the clock
    `time.monotonic`, or None for those who were not within 40 seconds."""
    inner = card._inner

    async def tap(number: int, person: Any) -> float | None:
        await asyncio.sleep(number * seconds / len(people))
        try:
            await person.tap(inner, "Going", timeout=40)
        except TimeoutError:
            return None
        return time.monotonic()

    async def all_of_them() -> list[float | None]:
        return await asyncio.gather(*(tap(number, each._inner) for number, each in enumerate(people)))

    return asyncio.run_coroutine_threadsafe(all_of_them(), telegram._loop).result()


def refused(telegram: Any) -> list[str]:
    """Returns the errors of all calls that got 429."""
    return [call.error for call in telegram.journal if call.error and call.error.startswith("Too Many Requests")]


def crowd(telegram: Any, count: int = PEOPLE) -> list[Any]:
    """Returns new people who have names that sort."""
    return [telegram.person(f"Guest {number:03}", language_code="en") for number in range(count)]
