"""The way from `/new` in a group to the dialog in private, and back: a link that says where the card goes."""

import hashlib
import hmac
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from .api import Problem
from .client import Gone, Later, TelegramError
from .people import Person
from .state import CHAT

if TYPE_CHECKING:
    from .bot import Bot

PARAMETER: Final = "new_"
"""What stands before the group in the parameter of `/start`."""
_OUT: Final = ("left", "kicked")
_DIGITS: Final = 16


class Group(Struct, frozen=True, kw_only=True):
    """A group, or a topic of a forum, into which a card goes."""

    chat: int
    thread: int | None = None


def link_to(bot: "Bot", group: Group) -> str:
    """Returns the link into the dialog. Only the bot can make it, so nobody gets a card into any other group."""
    return bot.link(f"{PARAMETER}{_address(group)}_{_sign(bot, group)}")


def read(bot: "Bot", payload: str) -> Group | None:
    """Returns the group of a link, or None for one that the bot has not made."""
    chat, _, rest = payload.partition("_")
    thread, _, sign = rest.partition("_")
    try:
        group = Group(chat=int(chat), thread=int(thread) or None)
    except ValueError:
        return None
    return group if hmac.compare_digest(sign, _sign(bot, group)) else None


def _address(group: Group) -> str:
    return f"{group.chat}_{group.thread or 0}"


def _sign(bot: "Bot", group: Group) -> str:
    text = f"eventorg: new event in {_address(group)}".encode()
    return hmac.new(bot.settings.token.encode(), text, hashlib.sha256).hexdigest()[:_DIGITS]


async def post(bot: "Bot", group: Group, event_id: str, person: Person) -> bool:
    """Posts an event's card into a group. Returns false if the person or the bot is not there any more."""
    chat = (await bot.state.get(CHAT, group.chat)).get("moved_to", group.chat)
    try:
        if await _is_out(bot, chat, person):
            return False
        language = await bot.chat_language(chat, person)
        await bot.cards.post(chat, event_id, language, person, thread=group.thread)
    except (Gone, Later, TelegramError, Problem) as error:
        bot.log.warning("telegram_card_not_posted", error=type(error).__name__)
        return False
    return True


async def _is_out(bot: "Bot", chat: int, person: Person) -> bool:
    """Returns true if Telegram says that somebody is no member. It does not tell every bot."""
    try:
        member = await bot.telegram.bot.get_chat_member(chat, person.id)
    except TelegramError:
        return False
    return member.status in _OUT
