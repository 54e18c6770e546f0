"""People for tests in other processes or languages: `POST /test/<verb>` with JSON, answered with JSON.

    person {first_name, last_name?, language_code?, username?, id?} -> {id}
    group {title, owner, supergroup?} -> {id}
    join {chat, user}; part {chat, user}; migrate {chat} -> {id}
    add_bot {chat, user, admin?, payload?}; remove_bot {chat, user}
    say {user, text, chat?, reply_to?} -> {message_id}; start {user, payload?}
    location {user, latitude, longitude, chat?} -> {message_id}
    contact {user, of?, chat?} -> {message_id}; users {user, request_id, users} -> {message_id}
    forward {user, chat, message_id, to?, is_hidden?} -> {message_id}
    edit {user, chat, message_id, text}; delete {user, chat, message_id}
    tap {user, chat, message_id, button} -> the answer
    inline {user, query} -> the answer; choose {user, chat, result} -> {message_id}
    block {user}; unblock {user}
    messages {chat} -> {messages}; journal {} -> {calls}; transcript {} -> {entries}
    fail {method, code, description, parameters?, times?}; down {down}; tell {kind, update}

A `chat`, a `user`, an `owner` is an id. A `result` is one of an answer, or its id.
Without `chat`, people act in private. An error is 400 with `error`.
"""

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from litestar import Response

from eventorg.testing.telegram.chats import Chat
from eventorg.testing.telegram.errors import ApiError, Json
from eventorg.testing.telegram.messages import Message
from eventorg.testing.telegram.people import Person

if TYPE_CHECKING:
    from eventorg.testing.telegram.fake import FakeTelegram


class Control:
    """The verbs of one fake."""

    def __init__(self, tg: "FakeTelegram") -> None:
        self._tg = tg
        self._verbs: dict[str, Callable[[Json], Awaitable[Json | None]]] = {
            name.removeprefix("do_"): getattr(self, name) for name in dir(self) if name.startswith("do_")
        }

    async def act(self, verb: str, body: bytes) -> Response[Json]:
        """Does what a verb says, and returns the response."""
        if verb not in self._verbs:
            return Response({"error": f"no verb {verb}"}, status_code=404)
        try:
            return Response(await self._verbs[verb](json.loads(body or b"{}")) or {}, status_code=200)
        except (LookupError, TimeoutError, AssertionError, TypeError, ValueError) as error:
            return Response({"error": str(error) or type(error).__name__}, status_code=400)

    def _who(self, said: Json) -> Person:
        return self._tg.people[said["user"]]

    def _chat(self, said: Json, key: str = "chat") -> Chat | None:
        if key not in said:
            return None
        if said[key] not in self._tg.chats:
            raise LookupError(f"no chat {said[key]}")
        return self._tg.chats[said[key]]

    def _group(self, said: Json) -> Chat:
        chat = self._chat(said)
        if chat is None:
            raise LookupError("chat is missing")
        return chat

    def _find(self, said: Json, key: str = "message_id") -> Message:
        chat = self._chat(said) or self._who(said).chat
        found = [message for message in chat.messages if message.message_id == said[key]]
        if not found:
            raise LookupError(f"no message {said[key]}")
        return found[0]

    async def do_person(self, said: Json) -> Json:
        return {"id": self._tg.person(**said).id}

    async def do_group(self, said: Json) -> Json:
        return {"id": self._tg.group(said["title"], self._tg.people[said["owner"]], said.get("supergroup", False)).id}

    async def do_join(self, said: Json) -> None:
        await self._group(said).add(self._who(said))

    async def do_part(self, said: Json) -> None:
        await self._group(said).remove(self._who(said))

    async def do_add_bot(self, said: Json) -> None:
        await self._group(said).add_bot(self._who(said), said.get("admin", False), said.get("payload"))

    async def do_remove_bot(self, said: Json) -> None:
        await self._group(said).remove_bot(self._who(said))

    async def do_migrate(self, said: Json) -> Json:
        return {"id": (await self._group(said).migrate()).id}

    async def do_say(self, said: Json) -> Json:
        reply_to = self._find(said, "reply_to") if "reply_to" in said else None
        return _sent(await self._who(said).say(self._chat(said), said["text"], reply_to))

    async def do_start(self, said: Json) -> Json:
        return _sent(await self._who(said).start(said.get("payload", "")))

    async def do_location(self, said: Json) -> Json:
        return _sent(await self._who(said).share_location(said["latitude"], said["longitude"], self._chat(said)))

    async def do_contact(self, said: Json) -> Json:
        return _sent(await self._who(said).share_contact(self._tg.people.get(said.get("of", 0)), self._chat(said)))

    async def do_users(self, said: Json) -> Json:
        people = [self._tg.people[user] for user in said["users"]]
        return _sent(await self._who(said).share_users(said["request_id"], *people))

    async def do_forward(self, said: Json) -> Json:
        hidden = said.get("is_hidden", False)
        return _sent(await self._who(said).forward(self._find(said), self._chat(said, "to"), is_hidden=hidden))

    async def do_edit(self, said: Json) -> None:
        await self._who(said).edit(self._find(said), said["text"])

    async def do_delete(self, said: Json) -> None:
        await self._who(said).delete(self._find(said))

    async def do_block(self, said: Json) -> None:
        await self._who(said).block()

    async def do_unblock(self, said: Json) -> None:
        await self._who(said).unblock()

    async def do_tap(self, said: Json) -> Json:
        return await self._who(said).tap(self._find(said), said["button"])

    async def do_inline(self, said: Json) -> Json:
        return await self._who(said).inline(said["query"])

    async def do_choose(self, said: Json) -> Json:
        return _sent(await self._who(said).choose(said["result"], self._group(said)))

    async def do_messages(self, said: Json) -> Json:
        return {"messages": [message.json() for message in self._group(said).shown]}

    async def do_journal(self, _: Json) -> Json:
        return {"calls": [[call.at, call.method, call.error] for call in self._tg.journal]}

    async def do_transcript(self, _: Json) -> Json:
        return {"entries": [entry.json() for entry in self._tg.transcript.entries]}

    async def do_fail(self, said: Json) -> None:
        error = ApiError(said["code"], said["description"], **said.get("parameters", {}))
        self._tg.fail(said["method"], error, said.get("times", 1))

    async def do_down(self, said: Json) -> None:
        self._tg.down = said["down"]

    async def do_tell(self, said: Json) -> None:
        self._tg.tell(said["kind"], said["update"])


def _sent(message: Message) -> dict[str, Any]:
    return {"message_id": message.message_id}
