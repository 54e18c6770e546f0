"""Screens: messages with buttons of which the next takes the place of the one before."""

from collections.abc import Sequence

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity

from .bot import Bot
from .client import Gone
from .people import Person
from .router import Tap

Rows = list[list[InlineKeyboardButton]]


async def show(
    bot: Bot, person: Person, text: str, rows: Rows, *, tap: Tap | None = None, entities: Sequence[MessageEntity] = ()
) -> None:
    """Shows a screen to a person: in the place of the one whose button was tapped, or as a new message."""
    keyboard = InlineKeyboardMarkup(rows)
    if tap:
        if not tap.is_answered:
            await tap.toast()
        try:
            return await bot.telegram.edit(
                text, chat=tap.chat, message=tap.message_id, keyboard=keyboard, entities=entities
            )
        except Gone:  # deleted by the person
            pass
    await bot.telegram.send(person.id, text, keyboard=keyboard, entities=entities)
    return None


def in_rows(buttons: Sequence[InlineKeyboardButton], width: int) -> Rows:
    """Returns buttons in rows."""
    return [list(buttons[at : at + width]) for at in range(0, len(buttons), width)]
