"""The account behind a Telegram account: `/link`, `/logout`, `/delete`."""

from datetime import datetime
from http import HTTPStatus
from typing import Any

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from .api import Problem
from .bot import Bot
from .people import Person
from .private import in_private
from .router import Feature, Said, Tap
from .state import DIALOG, PERSON
from .texts import say

_NO_OTHER_LOGIN = "no_other_login"
_MOST_COUNTED = 1000


async def _link(said: Said) -> None:
    """Links the account of a code, or takes over the place of somebody whom a host has added by name."""
    bot, person, language = said.bot, said.person, said.person.language
    code = said.argument.strip()
    if not code:
        await said.reply(say(language, "account.link_usage"))
        return
    key = f"telegram:{said.update_id}"
    try:
        user = await bot.api.call(
            "POST", f"/identities/telegram/{person.id}/link", json={"code": code}, key=key, language=language
        )
    except Problem as problem:
        if problem.status != HTTPStatus.NOT_FOUND:
            raise
        await _claim(said, code, key)
        return
    bot.api.forget(person)
    await said.reply(say(language, "account.linked", name=_name(user)))


async def _claim(said: Said, code: str, key: str) -> None:
    try:
        await said.bot.api.call("POST", "/users/me/claims", said.person, json={"code": code}, key=key)
    except Problem as problem:
        if problem.status != HTTPStatus.NOT_FOUND:
            raise
        await said.reply(say(said.person.language, "account.link_not_found"))
        return
    said.bot.news.set()
    await said.reply(say(said.person.language, "account.claimed"))


def _name(user: dict[str, Any]) -> str:
    names = " ".join(filter(None, (user["first_name"], user["last_name"])))
    return names or user["username"] or user["email"] or ""


async def _logout(said: Said) -> None:
    """Asks, and says what would be lost if there is no other login."""
    language = said.person.language
    user = await said.bot.api.get("/users/me", said.person)
    if not user["email"]:
        await _warn(said.bot, said.person)
        return
    words = say(language, "account.logout_ask", email=user["email"])
    await said.reply(words, keyboard=_choice(language, "logout", "al"))


async def _unlink(tap: Tap) -> None:
    bot, person = tap.bot, tap.person
    try:
        await bot.api.call("DELETE", f"/identities/telegram/{person.id}", person)
    except Problem as problem:
        if problem.code != _NO_OTHER_LOGIN:
            raise
        await tap.toast()
        await _warn(bot, person)  # an address without a password
        return
    await _forget(bot, person)
    await _say_last(tap, "account.logged_out")


async def _warn(bot: Bot, person: Person) -> None:
    """Says that nobody could open the account any more, and what is in it."""
    language = person.language
    words = say(language, "account.no_other_login", lost=await _lost(bot, person))
    await bot.telegram.send(person.id, words, keyboard=_choice(language, "delete", "ad"))


async def _delete(said: Said) -> None:
    """Asks: only the button deletes."""
    language = said.person.language
    words = say(language, "account.delete_ask", lost=await _lost(said.bot, said.person))
    await said.reply(words, keyboard=_choice(language, "delete", "ad"))


async def _delete_now(tap: Tap) -> None:
    bot, person = tap.bot, tap.person
    cards = await _cards_of(bot, person)
    await bot.api.call("DELETE", "/users/me", person)
    await _forget(bot, person)
    bot.news.set()
    await _say_last(tap, "account.deleted")
    await _keep_cards(bot, cards)
    bot.news.set()


async def _cards_of(bot: Bot, person: Person) -> list[dict[str, Any]]:
    """Returns where the cards of the events are that would go with the account. The bot knows them from then on."""
    events = (await bot.api.get("/users/me/events", person, limit=_MOST_COUNTED))["events"]
    found: list[dict[str, Any]] = []
    for event in events:
        if event["role"] == "organizer":
            start = int(datetime.fromisoformat(event["start_time"]).timestamp())
            cards = (await bot.api.get(f"/events/{event['id']}/placements", person, limit=_MOST_COUNTED))["placements"]
            for card in cards:
                await bot.places.note(card, event["title"], start)
            found += cards
    return found


async def _keep_cards(bot: Bot, cards: list[dict[str, Any]]) -> None:
    """Keeps the cards of events current that passed to a co-host, unless the event is private: the placements of the
    host have gone with the account. Those of deleted events say so when the bot takes that change."""
    for card in cards:
        chat = None if card["chat_id"] is None else int(card["chat_id"])
        message = card["message_id"] if chat is None else int(card["message_id"])
        thread = None if card["thread_id"] is None else int(card["thread_id"])
        try:
            await bot.cards.place(card["event_id"], chat, message, card["locale"], thread=thread)
        except Problem as problem:
            bot.log.debug("telegram_card_not_kept", event_id=card["event_id"], reason=problem.code)


async def _stay(tap: Tap) -> None:
    await _say_last(tap, "account.kept")


async def _lost(bot: Bot, person: Person) -> str:
    """Returns what is in an account: without counts that are zero."""
    events = (await bot.api.get("/users/me/events", person, limit=_MOST_COUNTED))["events"]
    hosted = sum(each["role"] == "organizer" for each in events)
    joined = sum(each["status"] is not None for each in events)
    language = person.language
    counts = {"hosted": hosted, "joined": joined}
    lost = [say(language, f"account.{name}", count=count) for name, count in counts.items() if count]
    return ", ".join(lost) or say(language, "account.nothing")


async def _forget(bot: Bot, person: Person) -> None:
    """Forgets the settings of a person, but that the bot can write."""
    bot.api.forget(person)
    is_started = (await bot.state.get(PERSON, person.id)).get("is_started")
    await bot.state.set(DIALOG, person.id, {})
    await bot.state.set(PERSON, person.id, {})
    if is_started:
        await bot.state.set(PERSON, person.id, {"is_started": True})


def _choice(language: str, name: str, tap: str) -> InlineKeyboardMarkup:
    yes = InlineKeyboardButton(say(language, f"account.{name}_yes"), callback_data=f"{tap}:")
    return InlineKeyboardMarkup([[yes], [InlineKeyboardButton(say(language, "account.no"), callback_data="an:")]])


async def _say_last(tap: Tap, name: str) -> None:
    """Puts the outcome in the place of the question."""
    await tap.toast()
    await tap.bot.telegram.edit(say(tap.person.language, name), chat=tap.chat, message=tap.message_id)


FEATURE = Feature(
    commands={"link": in_private(_link), "logout": in_private(_logout), "delete": in_private(_delete)},
    taps={"al": _unlink, "ad": _delete_now, "an": _stay},
)
