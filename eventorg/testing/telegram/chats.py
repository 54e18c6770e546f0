"""Chats: private ones, groups, and supergroups."""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eventorg.testing.telegram.errors import Json
from eventorg.testing.telegram.messages import Message

if TYPE_CHECKING:
    from eventorg.testing.telegram.fake import FakeTelegram
    from eventorg.testing.telegram.people import Person

ADMIN_RIGHTS = (
    *("can_be_edited", "can_manage_chat", "can_delete_messages", "can_manage_video_chats", "can_restrict_members"),
    *("can_promote_members", "can_change_info", "can_invite_users", "can_post_stories", "can_edit_stories"),
    *("can_delete_stories", "can_pin_messages", "can_send_welcome_messages"),
)


@dataclass(eq=False)
class Chat:
    """A chat with its members (their status by user id) and all its messages, the deleted ones too."""

    tg: "FakeTelegram"
    id: int
    type: str
    title: str | None = None
    person: "Person | None" = None
    owner: "Person | None" = None
    members: dict[int, str] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    migrated_to: int | None = None
    pinned: Message | None = None
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def json(self) -> Json:
        """Returns the chat as the bot gets it."""
        if self.person:
            who = self.person.json()
            names: Json = {key: who[key] for key in ("first_name", "last_name", "username") if key in who}
            return {"id": self.id, "type": "private"} | names
        return {"id": self.id, "type": self.type, "title": self.title}

    @property
    def is_private(self) -> bool:
        return self.type == "private"

    @property
    def shown(self) -> list[Message]:
        """The messages that are not deleted."""
        return [message for message in self.messages if not message.deleted]

    def member(self, user: Json) -> Json:
        """Returns the `ChatMember` of a user."""
        status = self.members.get(user["id"], "left")
        shown: Json = {"user": user, "status": status}
        if status in ("creator", "administrator"):
            shown["is_anonymous"] = False
        if status == "administrator":
            shown |= dict.fromkeys(ADMIN_RIGHTS, True)
        elif status == "kicked":
            shown["until_date"] = 0
        return shown

    async def add(self, *people: "Person") -> None:
        """Makes people members, without a message about it."""
        for person in people:
            self.members[person.id] = "member"

    async def remove(self, *people: "Person") -> None:
        """Makes people leave the group."""
        for person in people:
            self.members[person.id] = "left"
            self.tg.put_message(self, person.json(), service={"left_chat_member": person.json()})

    async def add_bot(self, by: "Person", admin: bool = False, payload: str | None = None) -> None:
        """Adds the bot: by hand, or by the link `t.me/bot?startgroup=payload`."""
        self.set_bot(by, "administrator" if admin else "member")
        message = self.tg.put_message(self, by.json(), service={"new_chat_members": [self.tg.me]})
        self.tg.transcript.note_act(by.first_name, "add_bot", {"chat": self.title}, message.json())
        if payload:
            await by.say(self, f"/start@{self.tg.me['username']} {payload}")

    async def remove_bot(self, by: "Person") -> None:
        """Removes the bot from the group."""
        self.set_bot(by, "kicked")
        self.tg.transcript.note_act(by.first_name, "remove_bot", {"chat": self.title})

    def set_bot(self, by: "Person", status: str) -> None:
        """Gives the bot another status and tells it so."""
        old = self.member(self.tg.me)
        self.members[self.tg.me["id"]] = status
        self.tg.tell_status(self, by.json(), old, self.member(self.tg.me))

    async def migrate(self) -> "Chat":
        """Makes a supergroup of the group, and returns it. It has another id; the old group only says where it went."""
        new = self.tg.group(self.title or "", self.owner, supergroup=True)
        new.members = dict(self.members)
        self.migrated_to = new.id
        who = self.owner.json() if self.owner else self.tg.me
        self.tg.put_message(self, who, service={"migrate_to_chat_id": new.id})
        self.tg.put_message(new, who, service={"migrate_from_chat_id": self.id})
        by = self.owner.first_name if self.owner else "Telegram"
        self.tg.transcript.note_act(by, "migrate", {"chat": self.title}, new.json())
        return new

    async def wait_for(self, wanted: Callable[[Message], object], timeout: float = 30.0) -> Message:
        """Returns the newest message that is shown and wanted, once there is one. Raises `TimeoutError`."""
        deadline = time.monotonic() + timeout

        def look() -> Message | None:
            return next((message for message in reversed(self.shown) if wanted(message)), None)

        while not (found := look()):
            await self.tg.wait_until(look, deadline - time.monotonic())
        return found
