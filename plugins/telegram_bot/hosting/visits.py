"""A visit of a host to the menu of an event: by a tap on one of its buttons, or by a message that it has asked for."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from telegram import InlineKeyboardButton, MessageEntity

from ..api import Problem
from ..bot import Bot
from ..people import Person
from ..router import Said, Tap
from ..screens import Rows, show
from ..state import DIALOG
from ..texts import say, units

KIND: Final = "host"
"""The `kind` of a dialog in which the menu waits for a message."""
PREFIX: Final = "h"
"""What the data of the menu's buttons begins with: `h:<code>:<action>:<argument>…`."""
BUTTONS: Final = "buttons"
"""The `answer` of a question that only buttons answer."""
_HOSTS: Final = ("organizer", "host")

Json = dict[str, Any]


@dataclass(kw_only=True)
class Visit:
    """A host and an event. Only hosts get one, and the API checks again whatever they do."""

    bot: Bot
    person: Person
    event: Json
    key: str
    tap: Tap | None = None
    said: Said | None = None
    kept: Json = field(default_factory=dict)
    """What the menu has remembered with its question."""
    is_asking: bool = False
    _calls: int = 0

    @property
    def id(self) -> str:
        """The ID of the event."""
        return str(self.event["id"])

    @property
    def language(self) -> str:
        """The language of the host."""
        return self.person.language

    def say(self, name: str, /, **values: object) -> str:
        """Returns a text of the menu in the language of the host."""
        return say(self.language, f"host.{name}", **values)

    def button(self, label: str, *data: object) -> InlineKeyboardButton:
        """Returns a button with a label, and with an action and its arguments."""
        words = ":".join(str(each) for each in (PREFIX, self.event["code"], *data))
        return InlineKeyboardButton(label, callback_data=words)

    def named(self, name: str, *data: object, **values: object) -> InlineKeyboardButton:
        """Returns a button whose label is the text `host.<name>`."""
        return self.button(self.say(name, **values), *data)

    def back(self, *data: object) -> list[InlineKeyboardButton]:
        """Returns a row with the button to the screen before: the menu, unless you name another."""
        return [self.named("back", *(data or ("menu",)))]

    async def get(self, path: str = "", **params: Any) -> Any:
        """Returns what a path below the event shows to the host. Raises `Problem`."""
        return await self.bot.api.get(f"/events/{self.id}{path}", self.person, **params)

    async def call(self, method: str, path: str, json: Any = None, **params: Any) -> Any:
        """Sends a request to a path below the event as the host, safe to send again. Raises `Problem`."""
        self._calls += 1
        key = f"{self.key}:{self._calls}" if method in ("POST", "PATCH") else None
        found = await self.bot.api.call(
            method, f"/events/{self.id}{path}", self.person, json=json, key=key, params=params
        )
        self.bot.news.set()
        return found

    async def patch(self, **fields: Any) -> None:
        """Changes the event. Raises `Problem`."""
        self.event = await self.call("PATCH", "", fields)

    async def toast(self, text: str, *, alert: bool = False) -> None:
        """Answers the tap, if it is one that has no answer yet."""
        if self.tap and not self.tap.is_answered:
            await self.tap.toast(text, alert=alert)

    async def show(self, body: str, rows: Rows, *, entities: Sequence[MessageEntity] = ()) -> None:
        """Shows a screen: in the place of the one before after a tap, and as a new message after one of the host.

        `entities` are those of the body.
        """
        title = str(self.event["title"])
        head = f"⚙️ {title}\n\n"
        marks = [MessageEntity("bold", 3, units(title))]
        marks += MessageEntity.shift_entities(head, list(entities)) if entities else []
        await show(self.bot, self.person, head + body, rows, tap=self.tap, entities=marks)

    async def ask(self, answer: str, body: str, rows: Rows, **kept: Any) -> None:
        """Shows a screen that waits for a message, for which `ANSWERS` has a handler. Remembers `kept` with it."""
        values = {"kind": KIND, "code": self.event["code"], "answer": answer, **kept}
        await self.bot.state.set(DIALOG, self.person.id, values, await self.bot.api.user_id(self.person))
        self.is_asking = True
        await self.show(body, rows)

    async def confirm(self, body: str, rows: Rows) -> None:
        """Shows a screen that only its buttons answer. A message is told so."""
        await self.ask(BUTTONS, body, rows)


Handler = Callable[..., Awaitable[None]]
"""Takes a visit, and after a tap the arguments of the button."""
Handlers = Mapping[str, Handler]


async def event_for(bot: Bot, person: Person, code: str) -> Json:
    """Returns an event for a host of it. Raises `Problem` for everybody else."""
    event: Json = await bot.api.get(f"/events/{code}", person)
    if event["role"] not in _HOSTS:
        raise Problem(403, {"code": "forbidden", "detail": say(person.language, "host.only_hosts")})
    return event


def is_host(event: Json) -> bool:
    """Returns true if the event was read by a host of it."""
    return event["role"] in _HOSTS
