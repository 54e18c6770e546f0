"""Lists of events with a button for each: what I go to, what is on here, which to put into a calendar."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity

from .bot import Bot
from .dates import begun, day_and_time
from .people import Person
from .router import Tap
from .texts import say, shorten, units

PAGE: Final = 8
READ: Final = 200
"""The number of events that are read: nobody turns more pages."""
_TITLE: Final = 100
_LABEL: Final = 60


class Entry(Struct, frozen=True, kw_only=True):
    """An event in a list."""

    code: str
    title: str
    start: datetime
    zone: str
    note: str = ""


class Page(Struct, frozen=True, kw_only=True):
    """A page of a list as a message."""

    text: str
    entities: list[MessageEntity]
    keyboard: InlineKeyboardMarkup | None

    @property
    def message(self) -> dict[str, Any]:
        """The entities and buttons, as `Said.reply` takes them."""
        return {"entities": self.entities, "keyboard": self.keyboard}


def entry(event: dict[str, Any], note: str = "") -> Entry:
    """Returns an event of the API as an entry."""
    start = datetime.fromisoformat(event["start_time"])
    return Entry(code=event["code"], title=event["title"], start=start, zone=event["timezone"], note=note)


def page(
    heading: str,
    entries: Sequence[Entry],
    offset: int,
    language: str,
    now: datetime,
    *,
    tap: str,
    turn: str,
    rows: Sequence[Sequence[InlineKeyboardButton]] = (),
) -> Page:
    """Returns a page. A button of an event has the data `tap:<code>`, one that turns pages `turn:<offset>`."""
    offset = offset if 0 <= offset < len(entries) else 0
    text, entities = heading + "\n", [MessageEntity("bold", 0, units(heading))]
    keyboard = [list(row) for row in rows]
    for at, each in enumerate(entries[offset : offset + PAGE]):
        text += f"\n{offset + at + 1}. {shorten(each.title, _TITLE)}\n"
        when = day_and_time(each.start, each.zone, language, now)
        entities.append(MessageEntity("date_time", units(text), units(when), unix_time=each.start))
        text += when + (f" · {each.note}" if each.note else "")
        label = f"{offset + at + 1}. {shorten(each.title, _LABEL)}"
        keyboard.insert(at, [InlineKeyboardButton(label, callback_data=f"{tap}:{each.code}")])
    turns = []
    if offset:
        turns.append(InlineKeyboardButton(say(language, "lists.back"), callback_data=f"{turn}:{max(0, offset - PAGE)}"))
    if offset + PAGE < len(entries):
        turns.append(InlineKeyboardButton(say(language, "lists.more"), callback_data=f"{turn}:{offset + PAGE}"))
    if turns:
        keyboard.insert(len(entries[offset : offset + PAGE]), turns)
    return Page(text=text, entities=entities, keyboard=InlineKeyboardMarkup(keyboard) if keyboard else None)


async def turn_to(tap: Tap, shown: Page) -> None:
    """Shows another page in the same message."""
    await tap.toast()
    await tap.bot.telegram.edit(shown.text, chat=tap.chat, message=tap.message_id, **shown.message)


async def events_of(bot: Bot, person: Person) -> list[dict[str, Any]]:
    """Returns what a person hosts and goes to from now on, by start time. Raises `Problem`."""
    found = await bot.api.get("/users/me/events", person, limit=READ, **{"from": begun(bot.clock())})
    return [each for each in found["events"] if each["event_status"] != "cancelled"]
