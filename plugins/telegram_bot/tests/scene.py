"""A server whose bot talks to a fake Telegram, and people who use the bot."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from eventorg.testing import Server

RU = {
    "new": "/new Футбол сб 19:00 2ч, 2 места, Лужники",
    "going": "Иду",
    "maybe": "Может быть",
    "declined": "Не иду",
}
EN = {
    "new": "/new Football Sat 19:00 2h, 2 seats, Luzhniki",
    "going": "Going",
    "maybe": "Maybe",
    "declined": "Not going",
}


class Stop(Exception):
    """Ends a loop that would go on, at its next pause."""


def patched_sleep(module: str, sleep: Callable[[float], Awaitable[None]]) -> Any:
    """Replaces `asyncio.sleep` in one module. The servers of other tests, which run in other threads, keep theirs."""
    return patch(f"{module}.asyncio", SimpleNamespace(**{**vars(asyncio), "sleep": sleep}))


class Scene:
    """The server, and Telegram. `telegram` is a `FakeTelegram` whose methods return when they are done."""

    def __init__(self, server: Server, telegram: Any) -> None:
        self.server = server
        self.telegram = telegram

    def person(self, name: str, language: str | None = "en", *, started: bool = False, **more: Any) -> Any:
        """Returns a new person, who has pressed Start if you say so."""
        person = self.telegram.person(name, language_code=language, **more)
        if started:
            person.start()
            self.wait(person.chat, "/new")
        return person

    def group(self, owner: Any, *members: Any, zone: str | None = None, supergroup: bool = True) -> Any:
        """Returns a new group with the bot in it."""
        group = self.telegram.group("Friends", owner, supergroup=supergroup)
        group.add(*members)
        group.add_bot(owner)
        if zone:
            owner.say(group, f"/timezone {zone}")
            self.wait(group, zone)
        return group

    def wait(self, chat: Any, words: str) -> Any:
        """Returns the newest message of the bot in a chat that has these words."""
        return chat.wait_for(lambda message: message.sender["is_bot"] and words in message.text)

    def card(self, chat: Any, title: str = "") -> Any:
        """Returns the newest card in a chat."""
        return chat.wait_for(
            lambda message: (
                title in message.text
                and any((button.get("callback_data") or "").startswith("g:") for button in message.buttons)
            ),
        )

    def shows(self, message: Any, *words: str) -> str:
        """Waits until a message has all of these words, and returns its text."""
        inner = message._inner
        self.telegram.wait_until(lambda: all(word in inner.text for word in words))
        return str(message.text)

    def catch_up(self, person: Any) -> None:
        """Waits until the bot has taken the changes: `/my` of this person, who has an event, needs them."""
        asked = person.say(None, "/my").message_id
        person.chat.wait_for(lambda message: message.message_id > asked and "/my" not in message.text)

    def acting(self, person: Any) -> Any:
        """Returns a client of the API that acts for a person."""
        if not hasattr(self, "_bot"):
            self._bot = self.server.make_bot("act", "deliver", "changes")
        return self._bot.acting_for(f"telegram:{person.id}")

    @property
    def health(self) -> str:
        """What /health says about the bot."""
        response = self.server.client.get("/health")
        assert response.status_code == 200
        return str(response.json()["plugins"]["telegram_bot"])


def code_of(card: Any) -> str:
    """Returns the code of the event that a card shows."""
    return str(card.buttons[0]["callback_data"].partition(":")[2])


def labels(message: Any) -> list[str]:
    """Returns the texts of a message's buttons."""
    return [button["text"] for button in message.buttons]


def marked(message: Any, kind: str) -> list[str]:
    """Returns the parts of a message's text that have an entity of a kind."""
    text = message.text.encode("utf-16-le")
    return [
        text[each["offset"] * 2 : (each["offset"] + each["length"]) * 2].decode("utf-16-le")
        for each in message.entities
        if each["type"] == kind
    ]
