"""The fake itself: its people, its chats, what has happened, and the faults that a test asks for."""

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from eventorg.testing.telegram import editing, membership, profile, queries, sending
from eventorg.testing.telegram.chats import Chat
from eventorg.testing.telegram.errors import ApiError, Json, Lost, bad
from eventorg.testing.telegram.formatting import commands_in, formatted
from eventorg.testing.telegram.limits import Limits, Pace
from eventorg.testing.telegram.messages import Message
from eventorg.testing.telegram.parameters import Parameters, Upload
from eventorg.testing.telegram.people import Person
from eventorg.testing.telegram.serving import Door
from eventorg.testing.telegram.transcript import Call, Transcript
from eventorg.testing.telegram.updates import Updates

TOKEN = "123456789:AAfakefakefakefakefakefakefakefakefa"  # noqa: S105 - it opens nothing
METHODS = {
    name.lower(): method
    for module in (profile, sending, editing, queries, membership)
    for name, method in module.METHODS.items()
}
Fault = ApiError | Lost
SERVICE = {"new_chat_members", "left_chat_member", "migrate_to_chat_id", "migrate_from_chat_id", "pinned_message"}
Asked = tuple[float, asyncio.Future[Json]]
"""When a query was asked, and its future answer."""


class FakeTelegram:
    """Serves the Bot API on `url`, for one bot with `token`, between `async with` and its end."""

    def __init__(
        self,
        token: str = TOKEN,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        limits: Limits | None = None,
        username: str = "eventorg_bot",
        privacy: bool = True,
        inline: bool = True,
        inline_feedback: bool = True,
    ) -> None:
        self.token = token
        self.limits = limits or Limits()
        self.pace = Pace(self.limits)
        self.privacy, self.inline_mode, self.inline_feedback = privacy, inline, inline_feedback
        self.me: Json = {"id": int(token.split(":")[0]), "is_bot": True, "first_name": "Events", "username": username}
        self.transcript = Transcript()
        self.people: dict[int, Person] = {}
        self.chats: dict[int, Chat] = {}
        self.asked: dict[str, dict[str, Asked]] = {"callback": {}, "inline": {}}
        self.inline_messages: dict[str, Message] = {}
        self.files: dict[str, Upload] = {}
        self.profile = profile.Profile()
        self.down = False
        """True: everything is answered with 502, as by a proxy in front of Telegram."""
        self.updates = Updates()
        self._faults: dict[str, deque[Fault]] = {}
        self._changed = asyncio.Event()
        self._door = Door(self, host, port)
        self._query_numbers = itertools.count(4_000_000_000_000_000_001)
        self._people_numbers = itertools.count(1001)
        self._group_numbers = itertools.count(4001)
        self._message_numbers = itertools.count(1)
        self._file_numbers = itertools.count(1)

    async def __aenter__(self) -> "FakeTelegram":
        await self._door.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.updates.close()
        await self._door.close()

    @property
    def url(self) -> str:
        """The base URL: what replaces `https://api.telegram.org`."""
        return self._door.url

    # ---- what a test sees and asks for

    @property
    def journal(self) -> list[Call]:
        """Every call of the bot."""
        return self.transcript.calls

    @property
    def pending(self) -> dict[int, Json]:
        """The updates that the bot has not confirmed, by number."""
        return self.updates.pending

    def calls(self, *methods: str, since: float = 0.0) -> list[Call]:
        """Returns the calls of these methods, or all calls, since a time on the clock `time.monotonic`."""
        wanted = {method.lower() for method in methods}
        return [one for one in self.journal if one.at >= since and (not wanted or one.method.lower() in wanted)]

    def fail(self, method: str, error: ApiError | str, times: int = 1) -> None:
        """Makes the next calls of a method fail: with an `ApiError`, or by a connection that breaks (any string).

        A connection breaks before the call is done, or afterwards if the method is given as `sendMessage:answer`.
        """
        name, _, when = method.partition(":")
        key = f"{name.lower()}:{when}" if when else name.lower()
        self._faults.setdefault(key, deque()).extend([error if isinstance(error, ApiError) else Lost(error)] * times)

    def take_fault(self, key: str) -> Fault | None:
        """Returns the next fault for a method, which it takes off the list."""
        queue = self._faults.get(key)
        return queue.popleft() if queue else None

    async def wait_until(self, condition: Callable[[], object], timeout: float = 30.0) -> None:
        """Waits for a condition, which is looked at after each call and at least every 50 ms. Raises `TimeoutError`."""
        async with asyncio.timeout(timeout):
            while not condition():
                self._changed.clear()
                try:
                    async with asyncio.timeout(0.05):
                        await self._changed.wait()
                except TimeoutError:
                    pass

    # ---- people and chats

    def person(self, first_name: str, **about: Any) -> Person:
        """Returns a new person: `last_name`, `username`, `language_code`, and `id` are optional."""
        person = Person(self, about.pop("id", None) or next(self._people_numbers), first_name, **about)
        self.people[person.id] = person
        return person

    def private(self, person: Person) -> Chat:
        """Returns the private chat of a person with the bot."""
        if person.id not in self.chats:
            self.chats[person.id] = Chat(self, person.id, "private", person=person, numbers=self._message_numbers)
        return self.chats[person.id]

    def group(self, title: str, owner: Person | None = None, supergroup: bool = False) -> Chat:
        """Returns a new group, without the bot."""
        number = next(self._group_numbers)
        if supergroup:
            chat = Chat(self, -1_000_000_000_000 - number, "supergroup", title, owner=owner)
        else:
            chat = Chat(self, -number, "group", title, owner=owner, numbers=self._message_numbers)
        if owner:
            chat.members[owner.id] = "creator"
        self.chats[chat.id] = chat
        return chat

    def find_user(self, user_id: int) -> Json | None:
        """Returns the `User` with this id, a person or the bot, or None."""
        if user_id == self.me["id"]:
            return self.me
        return self.people[user_id].json() if user_id in self.people else None

    def put_message(
        self,
        chat: Chat,
        sender: Json,
        text: str = "",
        *,
        entities: list[Json] | None = None,
        markup: Json | None = None,
        reply_to: Message | None = None,
        service: Json | None = None,
        media: Json | None = None,
        tell: bool = True,
    ) -> Message:
        """Posts a message, and tells the bot if it comes from a person and the bot sees it."""
        message = Message(chat, next(chat.numbers), sender, text, entities or [], markup, int(time.time()))
        message.reply_to, message.service, message.media = reply_to, service or {}, media or {}
        message.versions.append((time.monotonic(), text))
        chat.messages.append(message)
        if tell and not sender["is_bot"]:
            message.entities = commands_in(text)
            if self.sees(message):
                self.tell("message", message.json())
        self.notice()
        return message

    def put_inline(self, chat: Chat, sender: Json, result: Json) -> Message:
        """Posts the result of an inline query."""
        content = result["input_message_content"]
        mode = content.get("parse_mode") or ""
        text, entities = formatted(content["message_text"], mode, content.get("entities"), self.find_user)
        markup, via = result.get("reply_markup"), {"via_bot": self.me}
        message = self.put_message(chat, sender, text, entities=entities, markup=markup, service=via, tell=False)
        if message.buttons:
            message.inline_message_id = f"AAAA{next(self._query_numbers):016x}"
            self.inline_messages[message.inline_message_id] = message
        return message

    def put_file(self, file: Upload) -> str:
        """Stores a file and returns its id."""
        file_id = f"BQAC{next(self._file_numbers):08d}"
        self.files[file_id] = file
        return file_id

    def sees(self, message: Message) -> bool:
        """Returns whether the bot gets a message.

        In privacy mode, a bot in a group gets commands for it, mentions of it, replies to it, and service messages.
        """
        if message.chat.is_private:
            return True
        status = message.chat.members.get(self.me["id"])
        if status not in ("member", "administrator"):
            return False
        name = f"@{self.me['username']}".lower()
        if not self.privacy or status == "administrator" or SERVICE & message.service.keys():
            return True
        if name in message.text.lower():
            return True
        if message.reply_to and message.reply_to.sender["id"] == self.me["id"]:
            return True
        return message.text.startswith("/") and "@" not in message.text.split()[0]

    # ---- updates, queries, and calls

    def tell(self, kind: str, what: object) -> None:
        """Sends an update to the bot. It need not be one that the bot can read."""
        self.updates.tell(kind, what)

    def tell_status(self, chat: Chat, by: Json, old: Json, new: Json) -> None:
        """Tells the bot that its status in a chat has changed."""
        update = {"chat": chat.json(), "from": by, "date": int(time.time())}
        self.tell("my_chat_member", update | {"old_chat_member": old, "new_chat_member": new})

    def ask(self, kind: str) -> tuple[str, asyncio.Future[Json]]:
        """Opens a callback or an inline query, and returns its id and its future answer."""
        query_id = str(next(self._query_numbers))
        future: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self.asked[kind][query_id] = (time.monotonic(), future)
        return query_id, future

    def notice(self) -> None:
        """Lets `wait_until` look again."""
        self._changed.set()

    async def call(self, method: str, given: Parameters) -> Any:
        """Runs a method of the Bot API and returns its result. Raises `ApiError`."""
        name = method.lower()
        try:
            if fault := self.take_fault(name):
                raise fault
            if name not in METHODS:
                raise ApiError(404, "Not Found: method not found")
            result = await _run(METHODS[name], self, given)
        except (ApiError, Lost) as error:
            self.transcript.note_call(method, given.values, error=str(error))
            raise
        finally:
            self.notice()
        self.transcript.note_call(method, given.values, result)
        return result


async def _run(method: profile.Method, tg: FakeTelegram, given: Parameters) -> Any:
    """Runs a method. Raises the error 400 if a nested value is not of the type that the method reads."""
    try:
        return await method(tg, given)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise bad(f"can't parse the parameters: {type(error).__name__}: {error}") from error
