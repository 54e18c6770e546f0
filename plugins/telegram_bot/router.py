"""Finds the handler of an update. Each feature says what it handles: commands, buttons, texts."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from telegram import CallbackQuery, ChatMemberUpdated, ChosenInlineResult, InlineQuery, Message, Update
from telegram.constants import ChatType

from .api import Problem
from .bot import Bot
from .client import Gone, Later, TelegramError
from .people import Person
from .texts import say


@dataclass(kw_only=True)
class Said:
    """A message of a person to the bot. `argument` is what follows the command."""

    bot: Bot
    message: Message
    person: Person
    argument: str
    update_id: int

    @property
    def chat(self) -> int:
        """The ID of the chat."""
        return self.message.chat.id

    @property
    def is_private(self) -> bool:
        """True in a chat of the person and the bot alone."""
        return self.message.chat.type == ChatType.PRIVATE

    @property
    def thread(self) -> int | None:
        """The topic of a forum in which the message is."""
        return self.message.message_thread_id if self.message.is_topic_message else None

    async def reply(self, text: str, **more: Any) -> Message:
        """Answers in the same chat: in a group, as a reply."""
        more.setdefault("reply_to", None if self.is_private else self.message.message_id)
        return await self.bot.telegram.send(self.chat, text, thread=self.thread, **more)


@dataclass(kw_only=True)
class Tap:
    """A tap on a button. `argument` is what follows the first colon of its data."""

    bot: Bot
    query: CallbackQuery
    person: Person
    argument: str
    update_id: int
    is_answered: bool = False

    @property
    def chat(self) -> int | None:
        """The ID of the chat. None: an inline message, whose chat the bot does not know."""
        return self.query.message.chat.id if self.query.message else None

    @property
    def message_id(self) -> int | str:
        """The ID of the message, or the inline message."""
        return self.query.message.message_id if self.query.message else str(self.query.inline_message_id)

    @property
    def key(self) -> str:
        """The same for this tap, however often the update comes."""
        return f"telegram:{self.query.id}"

    async def toast(self, text: str = "", *, alert: bool = False, url: str | None = None) -> None:
        """Answers the tap: over the chat, or as an alert that has to be closed."""
        self.is_answered = True
        await self.bot.telegram.answer(self.query.id, text, alert=alert, url=url)


@dataclass(kw_only=True)
class Asked:
    """An inline query: `@bot words`, typed in any chat."""

    bot: Bot
    query: InlineQuery
    person: Person


@dataclass(frozen=True, kw_only=True)
class Feature:
    """What a part of the bot handles."""

    commands: Mapping[str, Callable[[Said], Awaitable[None]]] = field(default_factory=dict)
    """By name, without the slash."""
    taps: Mapping[str, Callable[[Tap], Awaitable[None]]] = field(default_factory=dict)
    """By what stands before the first colon of a button's data. A button has at most 64 bytes."""
    texts: Sequence[Callable[[Said], Awaitable[bool]]] = ()
    """For private messages that are no commands. The first that returns true has handled it."""
    refusals: Mapping[str, Callable[[Tap, Problem], Awaitable[None]]] = field(default_factory=dict)
    """By the code of the problem: what to do after a refused tap instead of telling the text."""
    inline: Callable[[Asked], Awaitable[None]] | None = None
    chosen: Callable[[Bot, ChosenInlineResult, Person], Awaitable[None]] | None = None
    """For an inline result that was sent. Telegram tells this only with BotFather's inline feedback on."""
    membership: Callable[[Bot, ChatMemberUpdated, Person], Awaitable[None]] | None = None
    """For the bot's own membership: blocked, added to a group, removed from it."""
    services: Sequence[Callable[[Bot, Message], Awaitable[None]]] = ()
    """For service messages, such as that a group became a supergroup."""


class Router:
    """Passes each update to the feature that handles it."""

    def __init__(self, bot: Bot, features: Sequence[Feature]) -> None:
        self._bot = bot
        self._features = features
        self._commands = {name: handle for each in features for name, handle in each.commands.items()}
        self._taps = {name: handle for each in features for name, handle in each.taps.items()}
        self._refusals = {code: handle for each in features for code, handle in each.refusals.items()}

    async def route(self, update: Update) -> None:
        """Handles an update. What goes wrong is told to the person, and logged."""
        if update.callback_query:
            await self._tap(update.callback_query, update.update_id)
        elif update.message:
            await self._message(update.message, update.update_id)
        elif update.inline_query:
            asked = Asked(
                bot=self._bot, query=update.inline_query, person=await self._bot.person(update.inline_query.from_user)
            )
            for feature in self._features:
                if feature.inline:
                    await feature.inline(asked)
        elif update.chosen_inline_result:
            person = await self._bot.person(update.chosen_inline_result.from_user)
            for feature in self._features:
                if feature.chosen:
                    await feature.chosen(self._bot, update.chosen_inline_result, person)
        elif update.my_chat_member:
            person = await self._bot.person(update.my_chat_member.from_user)
            for feature in self._features:
                if feature.membership:
                    await feature.membership(self._bot, update.my_chat_member, person)

    async def _tap(self, query: CallbackQuery, update_id: int) -> None:
        name, _, argument = (query.data or "").partition(":")
        person = await self._bot.person(query.from_user)
        tap = Tap(bot=self._bot, query=query, person=person, argument=argument, update_id=update_id)
        handle = self._taps.get(name)
        if handle is None:
            return await tap.toast(say(person.language, "errors.unknown_button"))
        try:
            await self._handle(handle, tap)
        except Problem as problem:
            await tap.toast(problem_text(problem, person.language), alert=True)
        except Exception:
            if not tap.is_answered:
                await tap.toast(say(person.language, "errors.failed"), alert=True)
            raise
        if not tap.is_answered:
            await tap.toast()
        return None

    async def _handle(self, handle: Callable[[Tap], Awaitable[None]], tap: Tap) -> None:
        try:
            await handle(tap)
        except Problem as problem:
            refused = self._refusals.get(problem.code)
            if refused is None:
                raise
            await refused(tap, problem)

    async def _message(self, message: Message, update_id: int) -> None:
        for feature in self._features:
            for serve in feature.services:
                await serve(self._bot, message)
        if message.from_user is None or message.from_user.is_bot:
            return
        text = message.text or ""
        person = await self._bot.person(message.from_user)
        said = Said(bot=self._bot, message=message, person=person, argument="", update_id=update_id)
        try:
            if text.startswith("/"):
                await self._command(said, text)
            elif said.is_private:
                said.argument = text
                for feature in self._features:
                    for handle in feature.texts:
                        if await handle(said):
                            return
        except Problem as problem:
            await said.reply(problem_text(problem, person.language))
        except (Gone, Later, TelegramError):
            raise
        except Exception:
            await said.reply(say(person.language, "errors.failed"))
            raise

    async def _command(self, said: Said, text: str) -> None:
        word, _, rest = text.partition("\n") if "\n" in text.split(" ")[0] else text.partition(" ")
        name, _, whose = word[1:].partition("@")
        if whose and whose.lower() != self._bot.username.lower():
            return
        handle = self._commands.get(name.lower())
        said.argument = rest.strip()
        if handle is not None:
            await handle(said)
        elif said.is_private:
            await self._commands[HELP](said)


HELP: Final = "help"


_OWN_WORDS: Final = ("unreachable", "registration_closed", "registration_not_open")
"""The codes whose text is the bot's own: the server's would contain a time in UTC."""


def problem_text(problem: Problem, language: str) -> str:
    """Returns what to tell a person about a refusal."""
    if problem.code in _OWN_WORDS:
        return say(language, f"errors.{problem.code}")
    return problem.text or say(language, "errors.failed")
