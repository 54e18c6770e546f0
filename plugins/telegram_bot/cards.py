"""Cards: an event as a message with buttons. The server writes the text; the bot adds mentions, times and buttons."""

import hashlib
import re
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Message, MessageEntity

from .api import Problem
from .people import Person
from .state import EVENT
from .texts import MAX_UNITS, say, shorten, units

if TYPE_CHECKING:
    from .bot import Bot

NAMES: Final = 20
_READ: Final = 60
"""The number of registrations that are read to find the people behind the names: those who wait are among them."""
_WHEN: Final = re.compile(r"(.+) – (.+) \([\w/+-]+\)")
_PARTY: Final = re.compile(r"(\d+)\. (.+)")
_GUESTS: Final = re.compile(r" \+\d+$")
_MAX_SHOWN: Final = 5_000
_MOST_PLACES: Final = 1_000


class Shown(Struct, frozen=True):
    """A card as a message."""

    text: str
    entities: list[MessageEntity]
    keyboard: InlineKeyboardMarkup | None
    start: int
    """When the event begins, in seconds since 1970."""

    @property
    def digest(self) -> bytes:
        """A value that differs if the message does."""
        parts = (self.text, [each.to_dict() for each in self.entities], self.keyboard and self.keyboard.to_dict())
        return hashlib.blake2b(repr(parts).encode(), digest_size=12).digest()


class Cards:
    """Writes cards, posts them, and says to the server where they are."""

    def __init__(self, bot: "Bot") -> None:
        self._bot = bot
        self._shown: dict[tuple[str, str], bytes] = {}

    async def render(self, event_id: str, language: str, host: Person | None = None) -> Shown:
        """Returns an event's card as everybody may see it. Raises `Problem`.

        `host` is a person who may see the event; None: any event that is not private.
        """
        api = self._bot.api
        event = await api.get(f"/events/{event_id}", host)
        card = await api.get(f"/events/{event['id']}/card", host, names=NAMES, locale=language)
        closes = card["registration_closes_at"]
        if closes and card["status"] == "published" and datetime.fromisoformat(closes) <= self._bot.clock():
            card["text"] = with_state(card["text"], say(language, "cards.closed"))
        people = await self._people(event, host) if card["names"] else []
        return Shown(card["text"], entities(card, people), keyboard(event, card, language), card["start_unix"])

    async def render_placed(self, placement: dict[str, Any]) -> Shown:
        """Returns the card that a leased placement must show. Raises `Problem`."""
        event_id, language = placement["event_id"], placement["locale"]
        try:
            return await self.render(event_id, language)
        except Problem as problem:
            host = await self.host_of(event_id)
            if problem.status != HTTPStatus.NOT_FOUND or host is None:
                raise
        return await self.render(event_id, language, host)  # a private event

    async def post(
        self, chat: int, event_id: str, language: str, person: Person, *, thread: int | None = None, lead: str = ""
    ) -> Message:
        """Sends the card of an event that a person may see, and keeps it current from then on. Raises `Problem`."""
        event = await self._bot.api.get(f"/events/{event_id}", person)
        shown = await self.render(event["id"], language, person)
        message = await self._bot.telegram.send(
            chat, shown.text, entities=shown.entities, keyboard=shown.keyboard, thread=thread
        )
        self.note(message.chat.id, message.message_id, shown)
        await self._place_for(event, message.chat.id, message.message_id, language, person, thread)
        return message

    async def adopt(self, chat: int, message: int, event_id: str, language: str, person: Person) -> None:
        """Makes a message of the bot the card of an event that a person may see. Raises `Problem`, and as `edit`."""
        event = await self._bot.api.get(f"/events/{event_id}", person)
        shown = await self.render(event["id"], language, person)
        await self._bot.telegram.edit(
            shown.text, chat=chat, message=message, keyboard=shown.keyboard, entities=shown.entities
        )
        self.note(chat, message, shown)
        await self._place_for(event, chat, message, language, person)

    async def _place_for(
        self, event: dict[str, Any], chat: int, message: int, language: str, person: Person, thread: int | None = None
    ) -> None:
        """Says to the server where a card is that a person wanted. Raises `Problem`."""
        is_host, is_private = event["role"] in ("organizer", "host"), event["visibility"] == "private"
        if is_host:
            owner = await self._bot.api.user_id(person)
            await self._bot.state.update(EVENT, event["id"], owner, host=person.id)
        host = person if is_host else await self.host_of(event["id"]) if is_private else None
        try:
            await self.place(event["id"], chat, message, language, host, thread)
            if chat > 0:
                await self._withdraw_older(event["id"], chat, message, person)
        except Problem as problem:
            if problem.is_passing or not is_private:
                raise
            # No host of this private event uses the bot: the card stays as it is.

    async def _withdraw_older(self, event_id: str, chat: int, newest: int, person: Person) -> None:
        """Leaves the older cards of an event in a private chat as they are: one there is enough, and each costs an
        edit. Raises `Problem`."""
        found = await self._bot.api.get(f"/events/{event_id}/placements", person, limit=_MOST_PLACES)
        for each in found["placements"]:
            if each["chat_id"] == str(chat) and int(each["message_id"]) < newest:
                try:
                    await self._bot.api.call("DELETE", f"/placements/{each['id']}")
                except Problem as problem:
                    if problem.status != HTTPStatus.NOT_FOUND:  # forgotten meanwhile
                        raise

    async def place(
        self,
        event_id: str,
        chat: int | None,
        message: int | str,
        language: str,
        host: Person | None = None,
        thread: int | None = None,
    ) -> None:
        """Says to the server where a card is. Raises `Problem`."""
        body = {
            "chat_id": None if chat is None else str(chat),
            "message_id": str(message),
            "locale": language,
            "names": NAMES,
            "thread_id": None if thread is None else str(thread),
        }
        await self._bot.api.call("PUT", f"/events/{event_id}/placements", host, json=body)

    def note(self, chat: int | str | None, message: int | str, shown: Shown) -> None:
        """Remembers what a message shows, so that the same is not sent again."""
        if len(self._shown) >= _MAX_SHOWN:
            self._shown.clear()
        self._shown[str(chat or ""), str(message)] = shown.digest

    def note_place(self, chat: int | str | None, message: int | str) -> None:
        """Remembers that the server knows of a message, whatever it shows."""
        self._shown.setdefault((str(chat or ""), str(message)), b"")

    def is_shown(self, chat: int | str | None, message: int | str, shown: Shown) -> bool:
        """Returns true if a message shows this already."""
        return self._shown.get((str(chat or ""), str(message))) == shown.digest

    def is_known(self, chat: int | str | None, message: int | str) -> bool:
        """Returns true if this process has posted, edited or placed this message."""
        return (str(chat or ""), str(message)) in self._shown

    async def host_of(self, event_id: str) -> Person | None:
        """Returns a host for whom the bot has posted the event's card, if the bot remembers one."""
        host = (await self._bot.state.get(EVENT, event_id)).get("host")
        return Person(id=int(host)) if host else None

    async def _people(self, event: dict[str, Any], host: Person | None) -> list[dict[str, Any]]:
        """Returns the parties with seats in the order of the card, with the Telegram accounts."""
        try:
            path = f"/events/{event['id']}/participants"
            found = await self._bot.api.get(path, host, limit=_READ, expand="user")
        except Problem:
            return []
        return [each for each in found["participants"] if each["status"] in ("registered", "attended")]


def with_state(text: str, state: str) -> str:
    """Returns a card's text with a line below its title. The end of a text that is full gives way to it."""
    title, _, rest = text.partition("\n")
    return shorten(f"{title}\n{state}\n{rest}", MAX_UNITS)


def entities(card: dict[str, Any], people: list[dict[str, Any]]) -> list[MessageEntity]:
    """Returns what is marked in a card's text: the title, the times in the reader's zone, and the people."""
    text: str = card["text"]
    title = text.partition("\n")[0]
    found = [MessageEntity("bold", 0, units(title))]
    blocks = text.split("\n\n")
    offset = 0
    for number, block in enumerate(blocks[:3]):
        for line in block.split("\n"):
            if number == 1 and (when := _WHEN.fullmatch(line)):
                for part, moment in ((1, card["start_unix"]), (2, card["end_unix"])):
                    at = offset + units(line[: when.start(part)])
                    found.append(_time(at, units(when[part]), moment))
            if number == 2 and (party := _PARTY.fullmatch(line)):
                found += _mention(offset, party, people)
            offset += units(line) + 1
        offset += 1
    return found


def _time(offset: int, length: int, moment: int) -> MessageEntity:
    return MessageEntity("date_time", offset, length, unix_time=datetime.fromtimestamp(moment, UTC))


def _mention(offset: int, party: re.Match[str], people: list[dict[str, Any]]) -> list[MessageEntity]:
    """Returns the mention of the person behind a line of the list, if it is a Telegram account."""
    number = int(party[1]) - 1
    user = people[number].get("user") if number < len(people) else None
    name = _GUESTS.sub("", party[2])
    if not user or not user.get("telegram_id") or not _is_name_of(name, user):
        return []
    at = offset + units(party.string[: party.start(2)])
    return [MessageEntity("text_link", at, units(name), url=f"tg://user?id={user['telegram_id']}")]


def _is_name_of(name: str, user: dict[str, Any]) -> bool:
    parts = [user.get("first_name"), user.get("last_name"), user.get("username")]
    return any(part and part in name for part in parts)


def keyboard(event: dict[str, Any], card: dict[str, Any], language: str) -> InlineKeyboardMarkup | None:
    """Returns the buttons of a card: none for an event that is cancelled."""
    if event["status"] == "cancelled":
        return None
    code = event["code"]

    def button(name: str, data: str) -> InlineKeyboardButton:
        return InlineKeyboardButton(say(language, f"buttons.{name}"), callback_data=f"{data}:{code}")

    first = [button("going", "g")]
    if event["max_guests"]:
        first.append(button("plus", "p"))
    if card["counts"]["guests"]:
        first.append(button("minus", "m"))
    return InlineKeyboardMarkup([first, [button("maybe", "y"), button("declined", "n")]])
