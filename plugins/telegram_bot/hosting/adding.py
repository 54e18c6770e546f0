"""Adding people: by name, by a contact, or by a message that they wrote."""

import re
from typing import Final

from msgspec import Struct
from telegram import Message, MessageOriginHiddenUser, MessageOriginUser

from ..api import Problem
from .visits import Handlers, Json, Visit

_GUESTS: Final = re.compile(r"\s*\+\s*(\d{1,2})$")
_MAX_NAME: Final = 100


class Named(Struct, frozen=True, kw_only=True):
    """Somebody whom a message is about."""

    first_name: str
    last_name: str | None = None
    telegram_id: int | None = None
    guests: int = 0


def read(message: Message, text: str) -> Named | None:
    """Returns whom a message is about, or None."""
    if contact := message.contact:
        return Named(first_name=contact.first_name, last_name=contact.last_name, telegram_id=contact.user_id)
    origin = message.forward_origin
    if isinstance(origin, MessageOriginUser):
        user = origin.sender_user
        return Named(first_name=user.first_name, last_name=user.last_name, telegram_id=user.id)
    if isinstance(origin, MessageOriginHiddenUser):
        return Named(first_name=origin.sender_user_name)
    guests = _GUESTS.search(text)
    words = _GUESTS.sub("", text).split(maxsplit=1)
    if not words:
        return None
    last = words[1][:_MAX_NAME] if len(words) > 1 else None
    return Named(first_name=words[0][:_MAX_NAME], last_name=last, guests=int(guests[1]) if guests else 0)


async def _ask(visit: Visit, notice: str = "") -> None:
    body = "\n\n".join(filter(None, (notice, visit.say("add_ask"))))
    await visit.ask("add", body, [visit.back("people")])


async def _answer(visit: Visit) -> None:
    """Adds the person, and asks for the next."""
    assert visit.said
    named = read(visit.said.message, visit.said.argument)
    if named is None:
        return await _ask(visit)
    body: Json = {"first_name": named.first_name, "last_name": named.last_name}
    if named.telegram_id is not None:
        body = {"user_id": await _user_of(visit, named)}
    made = await visit.call("POST", "/participants", body | {"guests": named.guests})
    name = " ".join(filter(None, (named.first_name, named.last_name)))
    return await _ask(visit, visit.say("added_waiting" if made["status"] == "waitlisted" else "added", name=name))


async def _user_of(visit: Visit, named: Named) -> str:
    """Returns the ID of the user of a Telegram account, which is made if there is none."""
    path = f"/identities/telegram/{named.telegram_id}"
    try:
        user = await visit.bot.api.get(path)
    except Problem as problem:
        if problem.code != "identity_not_found":
            raise
        names = {"first_name": named.first_name, "last_name": named.last_name}
        user = await visit.bot.api.call("PUT", path, json=names)
    return str(user["id"])


ACTIONS: Handlers = {"add": _ask}
ANSWERS: Handlers = {"add": _answer}
