"""Invitations: `t.me/bot?start=i_<code>` shows the event, also a private one, with buttons that accept."""

from http import HTTPStatus
from typing import Any, Final

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity

from .api import Problem
from .bot import Bot
from .dates import span
from .people import Person
from .router import Feature, Said, Tap
from .taps import describe
from .texts import say, shorten, units

PARAMETER: Final = "i_"
"""What stands before the code in the parameter of `/start`."""
TAP: Final = "iv"
_MAX_DESCRIPTION: Final = 2000
_ANSWERS: Final = (("going",), ("maybe", "declined"))


async def show(said: Said, code: str) -> None:
    """Shows the event to which a code invites, with a button for each answer."""
    language = said.person.language
    try:
        event = await said.bot.api.get(f"/invitations/{code}", said.person)
    except Problem as problem:
        if problem.status != HTTPStatus.NOT_FOUND:
            raise
        await said.reply(say(language, "start.invitation_not_found"))
        return
    lead = say(language, "start.invited") + "\n\n"
    parts = [event["title"], span(event, language, said.bot.clock()), event["location"] or ""]
    text = lead + "\n".join(filter(None, parts))
    if event["description"]:
        text += "\n\n" + shorten(event["description"], _MAX_DESCRIPTION)
    rows = [
        [
            InlineKeyboardButton(say(language, f"buttons.{answer}"), callback_data=f"{TAP}:{answer}:{code}")
            for answer in row
        ]
        for row in _ANSWERS
    ]
    title = MessageEntity("bold", units(lead), units(event["title"]))
    await said.reply(text, entities=[title], keyboard=InlineKeyboardMarkup(rows))


async def _answer(tap: Tap) -> None:
    answer, _, code = tap.argument.partition(":")
    result = await accept(tap.bot, tap.person, code, answer, tap.key)
    await tap.toast(describe(result, tap.person.language))
    if tap.chat == tap.person.id:
        await tap.bot.cards.adopt(tap.chat, int(tap.message_id), result["event_id"], tap.person.language, tap.person)


async def accept(bot: Bot, person: Person, code: str, answer: str, key: str) -> dict[str, Any]:
    """Answers an invitation, and returns the answer with the counts. Raises `Problem`."""
    body = {} if answer == "going" else {"answer": answer}
    path = f"/invitations/{code}/accept"
    accepted = await bot.api.call("POST", path, person, json=body, key=key)
    bot.news.set()
    result: dict[str, Any] = await bot.api.get(f"/events/{accepted['event_id']}/rsvp", person)
    return result


FEATURE = Feature(taps={TAP: _answer})
