"""People who use the bot: they write, tap, share, block, and mention it inline in other chats."""

import asyncio
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eventorg.testing.telegram.chats import Chat
from eventorg.testing.telegram.errors import Json
from eventorg.testing.telegram.messages import Message

if TYPE_CHECKING:
    from eventorg.testing.telegram.fake import FakeTelegram


@dataclass(eq=False)
class Person:
    """A person with an account. `started` says whether the person has written to the bot in private."""

    tg: "FakeTelegram"
    id: int
    first_name: str
    last_name: str | None = None
    username: str | None = None
    language_code: str | None = None
    started: bool = False
    blocked: bool = False
    offered: dict[str, Json] = field(default_factory=dict)
    """The results of the inline queries, by ID."""

    def json(self) -> Json:
        """Returns the `User` as the bot gets it."""
        shown = {"id": self.id, "is_bot": False, "first_name": self.first_name}
        optional = {"last_name": self.last_name, "username": self.username, "language_code": self.language_code}
        return shown | {key: value for key, value in optional.items() if value}

    @property
    def chat(self) -> Chat:
        """The private chat with the bot."""
        return self.tg.private(self)

    async def say(self, where: Chat | None, text: str, reply_to: Message | None = None) -> Message:
        """Types a message, to the bot itself or into a group."""
        return await self._send("say", where, {}, text, reply_to)

    async def start(self, payload: str = "") -> Message:
        """Opens `t.me/bot?start=payload`."""
        assert re.fullmatch(r"[A-Za-z0-9_-]{0,64}", payload), f"Telegram does not open this link: {payload}"
        return await self.say(None, f"/start {payload}".strip())

    async def share_location(
        self, latitude: float, longitude: float, where: Chat | None = None, reply_to: Message | None = None
    ) -> Message:
        """Shares a place."""
        place = {"location": {"latitude": latitude, "longitude": longitude}}
        return await self._send("share_location", where, place, reply_to=reply_to)

    async def share_contact(
        self, who: "Person | None" = None, where: Chat | None = None, phone_number: str = "+79990000000"
    ) -> Message:
        """Shares the contact of another person, or the own one."""
        shared = who or self
        contact: Json = {"phone_number": phone_number, "first_name": shared.first_name, "user_id": shared.id}
        contact |= {"last_name": shared.last_name} if shared.last_name else {}
        return await self._send("share_contact", where, {"contact": contact})

    async def share_users(self, request_id: int, *people: "Person") -> Message:
        """Chooses people after a tap on a key with `request_users`."""
        users = [{"user_id": person.id, "first_name": person.first_name} for person in people]
        return await self._send("share_users", None, {"users_shared": {"request_id": request_id, "users": users}})

    async def forward(self, message: Message, where: Chat | None = None, *, is_hidden: bool = False) -> Message:
        """Forwards a message. If `is_hidden`, its sender's settings hide the account: the bot gets only the name."""
        origin: Json = {"type": "user", "sender_user": message.sender, "date": message.date}
        if is_hidden:
            origin = {"type": "hidden_user", "sender_user_name": message.sender["first_name"], "date": message.date}
        return await self._send("forward", where, {"forward_origin": origin} | message.media, message.text)

    async def _send(
        self, verb: str, where: Chat | None, content: Json, text: str = "", reply_to: Message | None = None
    ) -> Message:
        chat = where or self.chat
        if chat is self.chat:
            if self.blocked:
                await self.unblock()
            self.started = True
        message = self.tg.put_message(chat, self.json(), text, reply_to=reply_to, service=content)
        self.tg.transcript.note_act(self.first_name, verb, {"chat": chat.title, "text": text}, message.json())
        return message

    def press(self, message: Message, button: str) -> tuple[str, "asyncio.Future[Json]"]:
        """Taps an inline button, and returns the query's id and its future answer.

        Raises `LookupError` if there is no such button, or if it opens something and so does not reach the bot.
        """
        found = message.button(button)
        if "callback_data" not in found:
            raise LookupError(f"{found['text']} is no callback button")
        query_id, future = self.tg.ask("callback")
        query: Json = {
            "id": query_id,
            "from": self.json(),
            "chat_instance": str(abs(message.chat.id) * 7919),
            "data": found["callback_data"],
        }
        if message.inline_message_id:
            query["inline_message_id"] = message.inline_message_id
        else:
            query["message"] = message.json()
        self.tg.transcript.note_act(self.first_name, "tap", {"button": found["text"]}, query)
        self.tg.tell("callback_query", query)
        return query_id, future

    async def tap(self, message: Message, button: str, timeout: float = 30.0) -> Json:
        """Taps, and returns the answer: `text`, `show_alert`, and `url`. Raises `TimeoutError` if none comes."""
        _, future = self.press(message, button)
        async with asyncio.timeout(timeout):
            return await future

    async def block(self) -> None:
        """Blocks the bot."""
        self.blocked = True
        self._tell("block", "member", "kicked")

    async def unblock(self) -> None:
        """Unblocks the bot. Writing to the bot does it too."""
        self.blocked = False
        self._tell("unblock", "kicked", "member")

    def _tell(self, verb: str, old: str, new: str) -> None:
        def member(status: str) -> Json:
            return {"user": self.tg.me, "status": status} | ({"until_date": 0} if status == "kicked" else {})

        self.tg.transcript.note_act(self.first_name, verb, {})
        self.tg.tell_status(self.chat, self.json(), member(old), member(new))

    async def inline(self, query: str, offset: str = "", timeout: float = 30.0, where: Chat | None = None) -> Json:
        """Types `@bot query` in a chat, and returns the answer: `results`, `is_personal`, `cache_time`, and so on.

        Raises `TimeoutError` if none comes, as when inline mode is off.
        """
        query_id, future = self.tg.ask("inline")
        asked = {"id": query_id, "from": self.json(), "query": query, "offset": offset}
        if where:
            asked["chat_type"] = "sender" if where is self.chat else where.type
        self.tg.transcript.note_act(self.first_name, "inline", {"query": query}, asked)
        if self.tg.inline_mode:
            self.tg.tell("inline_query", asked)
        async with asyncio.timeout(timeout):
            answer = await future
        self.offered |= {str(result["id"]): result for result in answer["results"]}
        return answer

    async def choose(self, result: Json | str, where: "Chat | Person", query: str = "") -> Message:
        """Posts a result of an inline query, or the one with this ID, to any chat. The bot hears of it only if it has
        inline feedback. Raises `LookupError` if the person was offered no result with this ID."""
        if isinstance(result, str):
            if result not in self.offered:
                raise LookupError(f"no result {result!r} among {list(self.offered)}")
            result = self.offered[result]
        chat = where.chat if isinstance(where, Person) else where
        message = self.tg.put_inline(chat, self.json(), result)
        self.tg.transcript.note_act(self.first_name, "choose", {"chat": chat.title}, message.json())
        if self.tg.inline_feedback:
            chosen: Json = {"result_id": result["id"], "from": self.json(), "query": query}
            if message.inline_message_id:
                chosen["inline_message_id"] = message.inline_message_id
            self.tg.tell("chosen_inline_result", chosen)
        return message

    async def edit(self, message: Message, text: str) -> Message:
        """Edits an own message."""
        assert message.sender["id"] == self.id, "only the sender can edit a message"
        message.text, message.edit_date = text, int(time.time())
        message.versions.append((time.monotonic(), text))
        self.tg.transcript.note_act(self.first_name, "edit", {"text": text}, message.json())
        if self.tg.sees(message):
            self.tg.tell("edited_message", message.json())
        return message

    async def delete(self, message: Message) -> None:
        """Deletes a message. Telegram does not tell bots."""
        message.deleted = True
        self.tg.transcript.note_act(self.first_name, "delete", {}, message.json())
