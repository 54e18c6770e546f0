"""The bot: what every part of it works with."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import telegram

from eventorg.plugin import Clock

from .api import Api, Problem
from .asks import Asks
from .card_places import CardPlaces
from .cards import Cards
from .changes import Changes
from .client import Telegram
from .group_reminders import GroupReminders
from .maybes import Maybes
from .people import Person, person_of
from .settings import Settings
from .state import CHAT, PERSON, State, Values

PLUGINS_SECONDS: Final = 300
"""How long the bot remembers which plugins the server has."""


class Bot:
    """The settings, the two servers that the bot talks to, and what it remembers."""

    def __init__(
        self,
        settings: Settings,
        api: Api,
        telegram: Telegram,
        state: State,
        clock: Clock,
        log: Any,
        report: Callable[[str | None], None],
    ) -> None:
        self.settings = settings
        self.api = api
        self.telegram = telegram
        self.state = state
        self.clock = clock
        self.log = log
        self.report = report
        self.cards = Cards(self)
        self.reminders = GroupReminders(self)
        self.places = CardPlaces(self)
        self.maybes = Maybes(self)
        self.changes = Changes(self, (self.places, self.maybes, Asks(self)))
        self.news = asyncio.Event()
        """Set when a person has changed an event: cards are outdated."""
        self._plugins: Values = {}
        self._plugins_until = float("-inf")
        self.is_ready = asyncio.Event()
        """Set when Telegram has said who the bot is."""

    @property
    def username(self) -> str:
        """The username, without `@`."""
        return self.telegram.me.username or ""

    async def has_plugin(self, name: str) -> bool:
        """Returns true if the server has a plugin, or does not say so."""
        now = asyncio.get_running_loop().time()
        if now >= self._plugins_until:
            try:
                self._plugins = (await self.api.call("GET", "/health"))["plugins"]
            except Problem:
                return True
            self._plugins_until = now + PLUGINS_SECONDS
        return name in self._plugins

    def link(self, payload: str = "", parameter: str = "start") -> str:
        """Returns a deep link into the bot."""
        return f"https://t.me/{self.username}" + (f"?{parameter}={payload}" if payload else "")

    async def person(self, user: telegram.User) -> Person:
        """Returns a person with the language that the person has chosen in the bot, or that of Telegram."""
        return person_of(user, (await self.state.get(PERSON, user.id)).get("language"))

    async def keep(self, person: Person, **values: Any) -> Values:
        """Remembers something about a person, and returns all. None forgets it."""
        return await self.state.update(PERSON, person.id, await self.api.user_id(person), **values)

    async def chat_language(self, chat: int | None, person: Person) -> str:
        """Returns the language of a chat: in a group, that of whoever used the bot there first."""
        if chat is None or chat > 0:
            return person.language
        kept: str | None = (await self.state.get(CHAT, chat)).get("language")
        if kept is None:
            await self.state.update(CHAT, chat, language=person.language)
        return kept or person.language

    async def zone(self, chat: int | None, person: Person) -> tuple[str, bool]:
        """Returns the time zone of a group or a person, and whether anybody chose it."""
        kept = None if chat is None or chat > 0 else (await self.state.get(CHAT, chat)).get("timezone")
        kept = kept or (await self.state.get(PERSON, person.id)).get("timezone")
        return (kept, True) if kept else (self.settings.timezone, False)
