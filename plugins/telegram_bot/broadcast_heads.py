"""What stands above a host's message to everybody: the event, and who writes."""

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct
from telegram import MessageEntity

from .api import Problem
from .people import Person, name_of
from .texts import MAX_UNITS, language_of, say, shorten, units

if TYPE_CHECKING:
    from .bot import Bot

_MOST: Final = 100
"""The messages whose senders are remembered: everybody gets a message within a short time."""
_READ: Final = 20
"""An event has at most so many messages a day."""
_LEAST_TITLE: Final = 10
"""The units for which a title is worth its place above a long message."""


class Sender(Struct, frozen=True):
    """A host who has written a message."""

    name: str
    telegram_id: int | None


class BroadcastHeads:
    """Puts the title of the event and the sender above messages."""

    def __init__(self, bot: "Bot") -> None:
        self._bot = bot
        self._senders: OrderedDict[tuple[str, str], Sender | None] = OrderedDict()
        self._lock = asyncio.Lock()

    async def write(self, delivery: dict[str, Any]) -> tuple[str, list[MessageEntity]]:
        """Returns a message with what stands above it, as far as the person may see it and there is room."""
        text: str = delivery["text"]
        reader = Person(id=int(delivery["telegram_id"]), language=language_of(delivery["locale"]))
        try:
            event = await self._bot.api.get(f"/events/{delivery['event_id']}", reader)
        except Problem:
            return text, []
        sender = await self._sender(event, text, reader)
        line = say(reader.language, "broadcasts.sender", name=sender.name) if sender else ""
        room = MAX_UNITS - units(f"📣 {text}\n\n" + (f"\n{line}" if line else ""))
        if room < _LEAST_TITLE:
            return text, []
        title = shorten(event["title"], room)
        head = f"📣 {title}" + (f"\n{line}" if line else "")
        marks = [MessageEntity("bold", units("📣 "), units(title))]
        if sender and sender.telegram_id:
            before = say(reader.language, "broadcasts.sender", name="\n").partition("\n")[0]
            at = units(f"📣 {title}\n{before}")
            marks.append(MessageEntity("text_link", at, units(sender.name), url=f"tg://user?id={sender.telegram_id}"))
        return f"{head}\n\n{text}", marks

    async def _sender(self, event: dict[str, Any], text: str, reader: Person) -> Sender | None:
        """Returns who has written a message, if it is a host still."""
        key = event["id"], text
        async with self._lock:
            if key not in self._senders:
                try:
                    self._senders[key] = await self._find(event, text, reader)
                except Problem:
                    return None
                if len(self._senders) > _MOST:
                    self._senders.popitem(last=False)
            return self._senders[key]

    async def _find(self, event: dict[str, Any], text: str, reader: Person) -> Sender | None:
        path, organizer = f"/events/{event['id']}", {"X-Act-As": event["organizer_id"]}
        sent = await self._bot.api.call("GET", f"{path}/broadcasts", headers=organizer, params={"limit": _READ})
        writers = [each["created_by"] for each in sent["broadcasts"] if each["text"] == text]
        hosts = (await self._bot.api.get(f"{path}/hosts", reader, expand="user"))["hosts"]
        found = next((each["user"] for each in hosts if writers and each["user_id"] == writers[0]), None)
        return Sender(name_of({"user": found}), found.get("telegram_id")) if found else None
