"""Deep links: `/start`, an event's code, an invitation, and adding the bot to a group with an event."""

from http import HTTPStatus

from telegram import ChatMemberUpdated, Message

from . import drafting, group_links, invitations, questions
from .api import Problem
from .bot import Bot
from .hosting import inviting, menu
from .inline import NEW
from .people import Person
from .router import Feature, Said, Tap
from .state import CHAT
from .texts import say


async def _start(said: Said) -> None:
    if said.is_private:
        await said.bot.keep(said.person, is_started=True)
        await said.bot.api.set_reachable(said.person, reachable=True)
    payload = said.argument.split(" ")[0]
    if payload == NEW and said.is_private:
        await drafting.begin(said)
    elif payload.startswith(group_links.PARAMETER) and said.is_private:
        group = group_links.read(said.bot, payload.removeprefix(group_links.PARAMETER))
        await drafting.begin(said, group)
    elif not payload or payload == NEW:
        await said.reply(say(said.person.language, "start.welcome", name=said.person.first_name))
    elif payload.startswith(invitations.PARAMETER):
        await invitations.show(said, payload.removeprefix(invitations.PARAMETER))
    elif payload.startswith(questions.PARAMETER) and said.is_private:
        await questions.resume(said, payload.removeprefix(questions.PARAMETER))
    elif payload.startswith(inviting.COHOST_PARAMETER) and said.is_private:
        await inviting.accept(said, payload.removeprefix(inviting.COHOST_PARAMETER))
    else:
        await show_event(said, payload)


async def show_event(said: Said, code: str) -> None:
    """Posts the card of an event into the chat of a message, or says that there is none. In private, a host gets the
    menu too."""
    language = await said.bot.chat_language(said.chat, said.person)
    try:
        await said.bot.cards.post(said.chat, code, language, said.person, thread=said.thread)
    except Problem as problem:
        if problem.status != HTTPStatus.NOT_FOUND:
            raise
        await said.reply(say(said.person.language, "start.not_found"))
        return
    if said.is_private:
        event = await said.bot.api.get(f"/events/{code}", said.person)
        await menu.offer(said.bot, said.person, event, f"telegram:{said.update_id}")


async def _show(tap: Tap) -> None:
    """Posts the card of an event under a message about it. In private, a host gets the menu too."""
    await tap.toast()
    chat = tap.chat or tap.person.id
    language = await tap.bot.chat_language(chat, tap.person)
    await tap.bot.cards.post(chat, tap.argument, language, tap.person, thread=_thread_of(tap))
    if chat == tap.person.id:
        event = await tap.bot.api.get(f"/events/{tap.argument}", tap.person)
        await menu.offer(tap.bot, tap.person, event, tap.key)


def _thread_of(tap: Tap) -> int | None:
    """Returns the topic of a forum in which a button is."""
    message = tap.query.message
    return message.message_thread_id if isinstance(message, Message) and message.is_topic_message else None


async def _note_membership(bot: Bot, update: ChatMemberUpdated, person: Person) -> None:
    """Notes whether the bot can write to a person."""
    if update.chat.id != person.id:
        return
    is_member = update.new_chat_member.status == "member"
    await bot.keep(person, is_started=is_member or None)
    await bot.api.set_reachable(person, reachable=is_member)


async def _note_move(bot: Bot, message: Message) -> None:
    """Remembers the settings of a group that became a supergroup, and its old ID: its cards are still there."""
    if message.migrate_to_chat_id:
        before = await bot.state.get(CHAT, message.chat.id)
        after = await bot.state.get(CHAT, message.migrate_to_chat_id)
        moved = before | after | {"moved_from": message.chat.id}
        await bot.state.set(CHAT, message.migrate_to_chat_id, moved)
        await bot.reminders.note_move(message.chat.id, message.migrate_to_chat_id)
        bot.telegram.follow(message.chat.id, message.migrate_to_chat_id)


FEATURE = Feature(commands={"start": _start}, taps={"show": _show}, membership=_note_membership, services=(_note_move,))
