"""Remembers to which events people have answered maybe: the server lists the events that they host and go to."""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from .api import Problem
from .dates import begun
from .people import Person
from .state import MAYBE

if TYPE_CHECKING:
    from .bot import Bot
    from .changes import Change

_MOST: Final = 50
"""Of a person, the newest so many are kept."""
_MAYBE: Final = "maybe"


class Maybes:
    """Follows the answers, and knows the events of each person."""

    def __init__(self, bot: "Bot") -> None:
        self._bot = bot

    async def take(self, changes: Sequence["Change"]) -> None:
        """Notes who has answered maybe, and who no longer does."""
        answers: dict[str, dict[str, bool]] = {}
        for change in changes:
            data = change["data"] or {}
            if change["type"] == "rsvp.updated" and _MAYBE in (data.get("answer"), data.get("previous_answer")):
                is_maybe = data.get("answer") == _MAYBE
                answers.setdefault(change["user_id"], {})[change["event_id"]] = is_maybe
        for user_id, given in answers.items():
            kept = [each for each in await self._of(user_id) if each not in given]
            await self._keep(user_id, [*kept, *(event_id for event_id, is_maybe in given.items() if is_maybe)])

    async def work(self) -> bool:
        """Has nothing to do."""
        return False

    async def find(self, person: Person) -> list[dict[str, Any]]:
        """Returns the events from now on to which a person has answered maybe. Raises `Problem`."""
        await self._bot.changes.catch_up()
        user_id = await self._bot.api.user_id(person)
        kept = await self._of(user_id)
        since = begun(self._bot.clock())
        found = [each for each in await asyncio.gather(*(self._read(each, person) for each in kept)) if each]
        coming = [each for each in found if each["start_time"] >= since]
        if over := {*kept} - {each["id"] for each in coming}:
            await self._keep(user_id, [each for each in await self._of(user_id) if each not in over])
        return [each for each in coming if each["status"] == "published"]

    async def _read(self, event_id: str, person: Person) -> dict[str, Any] | None:
        """Returns an event, or None if the person can no longer see it. Raises `Problem`."""
        try:
            found: dict[str, Any] = await self._bot.api.get(f"/events/{event_id}", person)
        except Problem as problem:
            if problem.status != HTTPStatus.NOT_FOUND:
                raise
            return None
        return found

    async def _of(self, user_id: str) -> list[str]:
        events: list[str] = (await self._bot.state.get(MAYBE, user_id)).get("events", [])
        return events

    async def _keep(self, user_id: str, events: list[str]) -> None:
        await self._bot.state.set(MAYBE, user_id, {"events": events[-_MOST:]} if events else {}, owner=user_id)
