"""Tells the hosts of an event with approval who asks to come: once for each person, several in one message."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity

from .api import Problem
from .client import Gone, Later, TelegramError
from .dates import day_and_time
from .pace import Priority
from .people import Person, name_of
from .state import ASK, PERSON
from .texts import language_of, say, shorten, units

if TYPE_CHECKING:
    from .bot import Bot
    from .changes import Change

GAP_SECONDS: Final = 60
"""The hosts of an event get a message at once, and the next one not before this: it names all who asked meanwhile."""
ATTEMPTS: Final = 60
"""A message that Telegram does not take is given up after about an hour."""
MAX_PAUSE: Final = 60.0
_NAMES: Final = 10
_TITLE: Final = 100

Json = dict[str, Any]


class Letter(Struct, kw_only=True):
    """A message to a host."""

    host: Person
    text: str
    entities: list[MessageEntity]
    keyboard: InlineKeyboardMarkup
    attempts: int = 0
    due: float = 0
    """When it may be sent, on the clock of the event loop."""
    is_done: bool = False


class Asks:
    """Follows who asks to come, and writes to the hosts in private."""

    def __init__(self, bot: "Bot") -> None:
        self._bot = bot
        self._asking: dict[str, set[str]] = {}
        """The users who have asked since the last message, by event."""
        self._told_at: dict[str, float] = {}
        self._letters: list[Letter] = []

    async def take(self, changes: Sequence["Change"]) -> None:
        """Notes who asks. Somebody whom a host has answered is told of again, who only leaves and comes back is not."""
        for change in changes:
            event_id, user_id, data = change["event_id"], change["user_id"], change["data"] or {}
            if not change["type"].startswith("registration."):
                continue
            if data.get("by") == "self" and data.get("status") == "waitlisted":
                self._asking.setdefault(event_id, set()).add(user_id)
                continue
            self._asking.get(event_id, set()).discard(user_id)
            if data.get("by") == "host" and await self._is_told(event_id, user_id):
                await self._bot.state.set(ASK, f"{event_id}:{user_id}", {})

    async def work(self) -> bool:
        """Writes to the hosts of whom it is time to. Returns true while some have to wait."""
        now = self._bot.clock().timestamp()
        self._told_at = {event_id: at for event_id, at in self._told_at.items() if now - at < GAP_SECONDS}
        for event_id in [each for each in self._asking if each not in self._told_at]:
            try:
                await self._tell(event_id, self._asking[event_id])
            except Problem as problem:
                self._bot.log.warning("telegram_ask_postponed", event_id=event_id, reason=problem.code)
            else:
                del self._asking[event_id]
        await asyncio.gather(*(self._send(letter) for letter in self._letters if letter.due <= self._now))
        self._letters = [letter for letter in self._letters if not letter.is_done]
        return bool(self._asking or self._letters)

    async def _tell(self, event_id: str, users: set[str]) -> None:
        """Writes a letter to each host of an event about those who still ask. Raises `Problem` if it has to wait."""
        try:
            hosts = await self._hosts(event_id, users)
            if not hosts:
                return
            event = await self._bot.api.get(f"/events/{event_id}", hosts[0])
            if not event["pending_count"] or event["status"] != "published":
                return
            wish = {"approved": "false", "expand": "user"}
            found = await self._bot.api.get(f"/events/{event_id}/participants", hosts[0], **wish)
        except Problem as problem:
            if problem.is_passing:
                raise
            return  # deleted, or of other hosts meanwhile
        pending = [each for each in found["participants"] if each["user_id"] in users]
        new = [each for each in pending if not await self._is_told(event_id, each["user_id"])]
        for user_id in (each["user_id"] for each in new):
            await self._bot.state.set(ASK, f"{event_id}:{user_id}", {"event": event_id}, owner=user_id)
        if new:
            self._told_at[event_id] = self._bot.clock().timestamp()
            count, now = len(found["participants"]), self._bot.clock()
            self._letters += [_letter(host, event, new, count, now) for host in hosts]

    async def _is_told(self, event_id: str, user_id: str) -> bool:
        return bool(await self._bot.state.get(ASK, f"{event_id}:{user_id}"))

    async def _hosts(self, event_id: str, users: set[str]) -> list[Person]:
        """Returns the hosts of an event who have Telegram, as one of those who ask may see them. Raises `Problem`."""
        for user_id in users:
            try:
                found = await self._bot.api.call(
                    "GET", f"/events/{event_id}/hosts", headers={"X-Act-As": user_id}, params={"expand": "user"}
                )
            except Problem as problem:
                if problem.is_passing:
                    raise
                continue  # the account or the event is deleted
            accounts = [(each.get("user") or {}).get("telegram_id") for each in found["hosts"]]
            return [await self._person(int(each)) for each in accounts if each]
        return []

    async def _person(self, telegram_id: int) -> Person:
        """Returns a host with the language that the host has chosen. Raises `Problem`."""
        language = (await self._bot.state.get(PERSON, telegram_id)).get("language")
        if language is None:
            user = await self._bot.api.get(f"/identities/telegram/{telegram_id}")
            language = language_of(user["locale"])
        return Person(id=telegram_id, language=language)

    @property
    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def _send(self, letter: Letter) -> None:
        """Sends a message, or says when to try again."""
        letter.attempts += 1
        letter.is_done = True
        try:
            await self._bot.telegram.send(
                letter.host.id,
                letter.text,
                entities=letter.entities,
                keyboard=letter.keyboard,
                priority=Priority.NOTICE,
            )
        except Gone:
            body = {"reachable": False}  # reading for the host has said that the bot can write
            await self._bot.api.call("PUT", f"/identities/telegram/{letter.host.id}", json=body)
        except (Later, TelegramError) as error:
            self._bot.log.warning("telegram_ask_postponed", attempts=letter.attempts, error=type(error).__name__)
            letter.is_done = letter.attempts >= ATTEMPTS
            letter.due = self._now + min(2**letter.attempts, MAX_PAUSE)


def _letter(host: Person, event: Json, new: Sequence[Json], count: int, now: datetime) -> Letter:
    """Returns the message about new people of those who ask: with buttons that answer, or that lead to the list."""
    language, code = host.language, event["code"]
    marks: list[MessageEntity] = []
    text = "🙋 "
    if len(new) > 1:
        text += say(language, "asks.many", count=len(new))
        for each in new[:_NAMES]:
            marks += _mention(each, units(f"{text}\n• "))
            text += f"\n• {name_of(each)}"
        if len(new) > _NAMES:
            text += "\n" + say(language, "asks.more", count=len(new) - _NAMES)
    else:
        marks += _mention(new[0], units(text))
        text += say(language, "asks.one", name=name_of(new[0]))
    title = shorten(event["title"], _TITLE)
    marks.append(MessageEntity("bold", units(f"{text}\n\n"), units(title)))
    start = datetime.fromisoformat(event["start_time"])
    text += f"\n\n{title}\n{day_and_time(start, event['timezone'], language, now)}"

    def button(label: str, data: str) -> InlineKeyboardButton:
        return InlineKeyboardButton(label, callback_data=f"h:{code}:{data}")

    rows = [[button(say(language, "host.approve", count=count), "list:ok:0")]] if count > 1 else []
    if len(new) == 1:
        answers = [button(say(language, f"asks.{name}"), f"asked:{name}:{new[0]['user_id']}") for name in ("ok", "no")]
        rows.insert(0, answers)
    return Letter(host=host, text=text, entities=marks, keyboard=InlineKeyboardMarkup(rows))


def _mention(participant: Json, offset: int) -> list[MessageEntity]:
    """Returns the mention of somebody who has Telegram, whose name is at an offset."""
    telegram_id = (participant.get("user") or {}).get("telegram_id")
    if not telegram_id:
        return []
    return [MessageEntity("text_link", offset, units(name_of(participant)), url=f"tg://user?id={telegram_id}")]
