"""The change feed: each change is taken, after a restart too, and a follower that fails stops nobody."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock, Mock

import pytest

from ..api import Problem
from ..changes import Changes
from ..state import MemoryState


class Feed:
    """A server with changes, of which it no longer keeps the first ones."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.kept_from = 0
        self.asked: list[int | str] = []

    async def call(self, method: str, path: str, *, params: dict[str, Any]) -> dict[str, Any]:
        assert (method, path) == ("GET", "/changes")
        self.asked.append(after := params["after"])
        if after == "latest":
            return {"changes": [], "next": len(self.names)}
        if after < self.kept_from:
            raise Problem(410, {"code": "cursor_expired"})
        await asyncio.sleep(0)
        return {"changes": [{"type": name} for name in self.names[after:]], "next": len(self.names)}


class Taker:
    """Remembers what it takes."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.work = AsyncMock(return_value=False)

    async def take(self, changes: Sequence[dict[str, Any]]) -> None:
        self.taken += [each["type"] for each in changes]


def following(feed: Feed, state: MemoryState, *followers: Any) -> Changes:
    is_ready = SimpleNamespace(wait=AsyncMock())
    return Changes(cast("Any", SimpleNamespace(api=feed, state=state, log=Mock(), is_ready=is_ready)), followers)


async def run_until(changes: Changes, condition: Any) -> None:
    """Lets the loop go on until something is true."""
    task = asyncio.create_task(changes.run())
    for _ in range(100):
        if condition():
            break
        await asyncio.sleep(0)
    assert condition()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_it_begins_with_the_newest_change_and_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{Changes.__module__}.LOOK_SECONDS", 0)
    feed, state, taker = Feed("old"), MemoryState(), Taker()

    async def run() -> None:
        changes = following(feed, state, taker)
        await run_until(changes, lambda: changes._saved)
        feed.names += ["a", "b"]
        again = following(feed, state, taker)
        await run_until(again, lambda: again._saved == 3)

    asyncio.run(run())
    assert taker.taken == ["a", "b"]
    assert feed.asked[0] == "latest"


def test_nothing_is_written_down_before_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{Changes.__module__}.LOOK_SECONDS", 0)
    state, busy, failing = MemoryState(), Taker(), Taker()
    busy.work.return_value = True
    failing.work.side_effect = [OSError("disk"), False, False]

    async def run() -> None:
        for taker in (busy, failing):
            before = taker.work.call_count
            await run_until(following(Feed(), state, taker), lambda: taker.work.call_count >= before + 1)  # noqa: B023
            assert await state.get("bot", "changes") == {}

    asyncio.run(run())


def test_after_a_long_time_it_begins_with_the_newest_change_again() -> None:
    feed, state, taker = Feed("a", "b", "c"), MemoryState(), Taker()
    feed.kept_from = 2

    async def run() -> None:
        await state.set("bot", "changes", {"last": 1})
        changes = following(feed, state, taker)
        await changes.catch_up()
        feed.names.append("d")
        await changes.catch_up()

    asyncio.run(run())
    assert taker.taken == ["d"]


def test_two_readers_of_one_page_take_it_once_and_a_fault_stops_nobody() -> None:
    feed, state, failing, taker = Feed("a"), MemoryState(), Mock(), Taker()
    failing.take = AsyncMock(side_effect=ValueError("a defect"))

    async def run() -> None:
        await state.set("bot", "changes", {"last": 0})
        changes = following(feed, state, failing, taker)
        await asyncio.gather(changes.catch_up(), changes.catch_up())

    asyncio.run(run())
    assert taker.taken == ["a"]
    assert failing.take.call_count == 1
