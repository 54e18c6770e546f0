"""Telegram's limits are kept, and who is more important goes first."""

import asyncio
from itertools import pairwise

from ..pace import Pace, Priority, Turn


class Time:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


async def take(pace: Pace, time: Time, chat: int, *, is_edit: bool) -> float:
    """Makes a call as soon as the pace allows it, and returns the time from the start of the test."""
    while (wait := pace.wait_of(chat, is_edit=is_edit)) > 0:
        time.now += wait + 0.001
    async with pace.turn(chat, Priority.CARD, is_edit=is_edit):
        pass
    return time.now - 1_000


def most_within(times: list[float], seconds: float) -> int:
    return max(sum(start <= each < start + seconds for each in times) for start in times)


def test_edits_of_a_group() -> None:
    async def edit() -> list[float]:
        time = Time()
        pace = Pace(time)
        return [await take(pace, time, -5, is_edit=True) for _ in range(60)]

    times = asyncio.run(edit())
    assert times[0] == 0, "the first one at once"
    assert times[1] < 1.2
    assert max(after - before for before, after in pairwise(times[:13])) < 2
    assert most_within(times, 60) <= 16
    assert most_within(times, 3) <= 3


def test_sends_and_edits_of_a_group_together() -> None:
    async def both() -> list[float]:
        time = Time()
        pace = Pace(time)
        return [await take(pace, time, -5, is_edit=number % 2 == 0) for number in range(60)]

    times = asyncio.run(both())
    assert most_within(times, 60) <= 20
    assert most_within(times, 3) <= 3


def test_a_private_chat_takes_one_a_second() -> None:
    async def send() -> list[float]:
        time = Time()
        pace = Pace(time)
        return [await take(pace, time, 5, is_edit=False) for _ in range(30)]

    times = asyncio.run(send())
    assert most_within(times, 3) <= 3
    assert times[-1] < 33


def test_all_chats_together() -> None:
    async def send() -> int:
        time = Time()
        pace = Pace(time)
        given = 0

        async def one(chat: int) -> None:
            nonlocal given
            async with pace.turn(chat, Priority.NOTICE):
                given += 1

        tasks = [asyncio.create_task(one(chat)) for chat in range(1, 101)]
        await asyncio.sleep(0.1)
        before = given
        time.now += 1.1
        pace._grant()  # the timer would, a second later
        await asyncio.sleep(0.1)
        assert given == 2 * before
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return before

    assert asyncio.run(send()) == 25


def test_the_more_important_goes_first() -> None:
    async def order() -> list[Priority]:
        time = Time()
        pace = Pace(time)
        pace.silence(5, 10)
        done: list[Priority] = []

        async def one(priority: Priority) -> None:
            async with pace.turn(5, priority):
                done.append(priority)

        tasks = [asyncio.create_task(one(priority)) for priority in reversed(Priority)]
        await asyncio.sleep(0.05)
        assert done == []
        assert 9 < pace.wait_of(5, is_edit=False) <= 10
        while len(done) < len(tasks):
            time.now += 4
            pace._grant()
            await asyncio.sleep(0.01)
        return done

    assert asyncio.run(order()) == list(Priority)


def test_a_turn_without_a_call_does_not_count() -> None:
    async def waive() -> float:
        time = Time()
        pace = Pace(time)
        async with pace.turn(-5, Priority.CARD, is_edit=True) as turn:
            assert isinstance(turn, Turn)
            turn.waive()
        return pace.wait_of(-5, is_edit=True)

    assert asyncio.run(waive()) == 0
