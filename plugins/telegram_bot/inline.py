"""Inline mode: `@bot words` in any chat offers the person's events, and posts the card of the chosen one there.

The buttons of such a card say its language. The first tap tells the server where the card is, whether or not Telegram
has told the bot. Then the card has the same buttons as others.
"""

import asyncio
from typing import Final

from telegram import (
    ChosenInlineResult,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQueryResultArticle,
    InlineQueryResultsButton,
    InputTextMessageContent,
    LinkPreviewOptions,
)
from telegram.error import BadRequest

from . import taps
from .api import Problem
from .bot import Bot
from .event_lists import events_of
from .people import Person
from .router import Asked, Feature, Tap
from .texts import say, shorten

NEW: Final = "new"
"""The parameter of `/start` behind the button above the results."""
_PAGE: Final = 10
_LABEL: Final = 60


async def _answer(asked: Asked) -> None:
    bot, person, query = asked.bot, asked.person, asked.query
    offset = int(query.offset) if query.offset.isdecimal() else 0
    try:
        codes = await _find(bot, person, query.query)
        found = await asyncio.gather(*(_result(bot, person, code) for code in codes[offset : offset + _PAGE]))
    except Problem as problem:
        bot.log.warning("telegram_inline_query_failed", reason=problem.code)
        codes, found = [], []
    button = InlineQueryResultsButton(say(person.language, "inline.new"), start_parameter=NEW)
    try:
        await bot.telegram.bot.answer_inline_query(
            query.id,
            [each for each in found if each],
            cache_time=0,
            is_personal=True,
            next_offset=str(offset + _PAGE) if offset + _PAGE < len(codes) else "",
            button=button,
        )
    except BadRequest as error:
        if "query is too old" not in error.message.lower():
            raise


async def _find(bot: Bot, person: Person, words: str) -> list[str]:
    """Returns the codes of a person's events whose titles have all words. A code finds any event that the person can
    see."""
    wanted = words.casefold().split()
    events = await events_of(bot, person)
    codes = [each["code"] for each in events if all(word in each["title"].casefold() for word in wanted)]
    return codes or [words.strip()] if wanted else codes


async def _result(bot: Bot, person: Person, code: str) -> InlineQueryResultArticle | None:
    """Returns a card to choose, or None for an event that does not exist, or that people in a chat could not join."""
    language = person.language
    try:
        event = await bot.api.get(f"/events/{code}", person)
        if event["visibility"] == "private" or event["status"] != "published":
            return None
        shown = await bot.cards.render(event["id"], language)
    except Problem as problem:
        if problem.is_passing:
            raise
        return None
    return InlineQueryResultArticle(
        id=f"{event['code']}:{language}",
        title=shorten(event["title"], _LABEL),
        description=shown.text.split("\n\n")[1],
        input_message_content=InputTextMessageContent(
            shown.text, entities=shown.entities, link_preview_options=LinkPreviewOptions(is_disabled=True)
        ),
        reply_markup=_marked(shown.keyboard, language),
    )


def _marked(keyboard: InlineKeyboardMarkup | None, language: str) -> InlineKeyboardMarkup | None:
    """Returns the buttons of a card with its language."""
    if keyboard is None:
        return None
    return InlineKeyboardMarkup(
        [
            [InlineKeyboardButton(each.text, callback_data=f"i:{language}:{each.callback_data}") for each in row]
            for row in keyboard.inline_keyboard
        ]
    )


async def _chosen(bot: Bot, chosen: ChosenInlineResult, person: Person) -> None:
    """Keeps a card current from the beginning: Telegram says where it is if BotFather's inline feedback is on."""
    code, _, language = chosen.result_id.partition(":")
    language = language or person.language
    if chosen.inline_message_id:
        await _place(bot, code, chosen.inline_message_id, language)


async def _tap(tap: Tap) -> None:
    """Handles a tap on a card that has not been edited yet. A refused one also tells where the card is."""
    language, name, tap.argument = tap.argument.split(":", 2)
    try:
        await taps.FEATURE.taps[name](tap)
    finally:
        await _place(tap.bot, tap.argument, str(tap.message_id), language)


async def _place(bot: Bot, code: str, message: str, language: str) -> None:
    try:
        await bot.cards.place(code, None, message, language)
    except Problem as problem:  # deleted, or private by now
        if problem.is_passing:
            raise
        return
    bot.news.set()


FEATURE = Feature(taps={"i": _tap}, inline=_answer, chosen=_chosen)
