"""Calls Telegram's Bot API through python-telegram-bot, at the pace that Telegram allows."""

import asyncio
import logging
import os
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import timedelta
from typing import Any, Final

import telegram
from telegram import (
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    Message,
    MessageEntity,
    ReplyParameters,
    Update,
    WebhookInfo,
)
from telegram.error import BadRequest, ChatMigrated, Forbidden, NetworkError, RetryAfter, TelegramError
from telegram.request import HTTPXRequest

from .faults import is_refused
from .pace import Pace, Priority
from .texts import MAX_UNITS, shorten

POLL_SECONDS: Final = 25
WEBHOOK_CONNECTIONS: Final = 32
MAX_TOAST: Final = 200
ALLOWED: Final = ["message", "callback_query", "inline_query", "chosen_inline_result", "my_chat_member"]
_ATTEMPTS: Final = 5
_FIRST_PAUSE: Final = 0.5
"""The seconds after which a call that Telegram could not take is repeated. Each further pause is twice as long."""
os.environ.setdefault("PTB_TIMEDELTA", "true")  # without it, the library warns that `retry_after` will be a `timedelta`
_NO_PREVIEW: Final = LinkPreviewOptions(is_disabled=True)
_GONE: Final = ("message to edit not found", "message_id_invalid", "chat not found", "message can't be edited")


class _Bot(telegram.Bot):
    """python-telegram-bot's client. `get_updates` parses all updates at once, so one that it cannot read stops all."""

    async def fetch_updates(self, offset: int, seconds: int) -> list[dict[str, Any]]:
        """Returns the updates from a number on, as Telegram sends them."""
        data = {"offset": offset, "timeout": seconds, "allowed_updates": ALLOWED}
        found: list[dict[str, Any]] = await self._post("getUpdates", data, read_timeout=seconds + 10)
        return found


class Gone(Exception):
    """The message, or the chat, is not there any more, or not open to the bot."""


class Later(Exception):
    """Telegram does not take the call now."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Telegram:
    """The Bot API for one bot."""

    def __init__(self, token: str, api_url: str, pace: Pace) -> None:
        for name in ("httpx", "httpcore", "telegram"):  # at INFO, httpx logs URLs, which have the token in them
            logging.getLogger(name).setLevel(logging.CRITICAL)  # errors are raised, and logged by those who know more
        self.pace = pace
        calls = HTTPXRequest(connection_pool_size=64, pool_timeout=30, read_timeout=20, connect_timeout=10)
        polls = HTTPXRequest(connection_pool_size=2, connect_timeout=10)
        self._requests = (calls, polls)
        self.bot = _Bot(
            token,
            base_url=f"{api_url}/bot",
            base_file_url=f"{api_url}/file/bot",
            request=calls,
            get_updates_request=polls,
        )
        self.me = telegram.User(int(token.partition(":")[0]), "", True)
        self._moved: dict[int, int] = {}

    async def start(self) -> None:
        """Asks who the bot is. Raises `TelegramError`."""
        self.me = await self.bot.get_me()

    async def stop(self) -> None:
        """Closes the connections."""
        await asyncio.gather(*(request.shutdown() for request in self._requests), return_exceptions=True)

    def follow(self, old: int, new: int) -> None:
        """Sends what is for a group to the supergroup that it became."""
        self._moved[old] = new

    async def updates(self, offset: int, seconds: int = POLL_SECONDS) -> list[dict[str, Any]]:
        """Returns the updates that are not confirmed, and confirms those before `offset`. Raises `TelegramError`."""
        return await self.bot.fetch_updates(offset, seconds)

    async def webhook(self) -> WebhookInfo:
        """Returns the address to which Telegram posts the updates, which may be empty, and what it says about that.

        Raises `TelegramError`.
        """
        return await self.bot.get_webhook_info()

    async def set_webhook(self, address: str, secret: str) -> None:
        """Has Telegram post the updates to an address, with a secret. Raises `TelegramError`."""
        await self.bot.set_webhook(
            address, secret_token=secret, allowed_updates=ALLOWED, max_connections=WEBHOOK_CONNECTIONS
        )

    def read(self, update: dict[str, Any]) -> Update:
        """Returns an update. Raises an error of any type for one that is not as documented."""
        return Update.de_json(update, self.bot)

    async def send(
        self,
        chat: int,
        text: str,
        *,
        keyboard: InlineKeyboardMarkup | None = None,
        entities: Sequence[MessageEntity] | None = None,
        priority: Priority = Priority.REPLY,
        thread: int | None = None,
        reply_to: int | None = None,
        reply_markup: Any = None,
    ) -> Message:
        """Sends a message, and waits as long as Telegram wants. Follows a group that became a supergroup. Sends a reply
        again if Telegram cannot be reached or answers 5xx, because a person waits for it.

        Raises `Gone` if the bot cannot write there, and `TelegramError`.
        """
        for attempt in range(_ATTEMPTS):
            chat = self._moved.get(chat, chat)
            try:
                async with self.pace.turn(chat, priority):
                    return await self.bot.send_message(
                        chat,
                        shorten(text, MAX_UNITS),
                        entities=entities,
                        reply_markup=keyboard or reply_markup,
                        message_thread_id=thread,
                        reply_parameters=ReplyParameters(reply_to, allow_sending_without_reply=True)
                        if reply_to
                        else None,
                        link_preview_options=_NO_PREVIEW,
                    )
            except ChatMigrated as moved:
                self._moved[chat] = moved.new_chat_id
            except RetryAfter as error:
                self.pace.silence(chat, seconds_of(error))
                if attempt == _ATTEMPTS - 1:
                    raise Later(seconds_of(error)) from None
            except Forbidden as error:
                raise Gone(error.message) from None
            except BadRequest as error:
                if "chat not found" in error.message.lower():
                    raise Gone(error.message) from None
                raise
            except NetworkError as error:
                if priority is not Priority.REPLY:
                    raise
                await _pause_or_raise(error, attempt, _ATTEMPTS)
        raise Gone(f"the chat {chat} moves in a circle")

    async def edit(
        self,
        text: str,
        *,
        chat: int | None,
        message: int | str,
        keyboard: InlineKeyboardMarkup | None = None,
        entities: Sequence[MessageEntity] | None = None,
        is_turn: bool = False,
    ) -> None:
        """Edits a message, and waits as long as Telegram wants. `chat` is None for an inline one. It is fine if it
        looks so already. Edits again if Telegram cannot be reached or answers 5xx. `is_turn` says that you have waited
        for a turn yourself: then nothing waits here, and there is one attempt.

        Raises `Gone`, `Later`, and `TelegramError`.
        """
        place: dict[str, Any] = (
            {"inline_message_id": message} if chat is None else {"chat_id": chat, "message_id": message}
        )
        whose = message if chat is None else chat
        attempts = 1 if is_turn else _ATTEMPTS
        for attempt in range(attempts):
            try:
                async with nullcontext() if is_turn else self.pace.turn(whose, Priority.REPLY, is_edit=True):
                    await self.bot.edit_message_text(
                        shorten(text, MAX_UNITS),
                        **place,
                        entities=entities,
                        reply_markup=keyboard,
                        link_preview_options=_NO_PREVIEW,
                    )
                return
            except RetryAfter as error:
                self.pace.silence(whose, seconds_of(error))
                if attempt == attempts - 1:
                    raise Later(seconds_of(error)) from None
            except (Forbidden, ChatMigrated) as error:
                raise Gone(error.message) from None
            except BadRequest as error:
                said = error.message.lower()
                if "message is not modified" in said:
                    return
                if any(words in said for words in _GONE):
                    raise Gone(error.message) from None
                raise
            except NetworkError as error:
                await _pause_or_raise(error, attempt, attempts)

    async def answer(self, query_id: str, text: str = "", *, alert: bool = False, url: str | None = None) -> None:
        """Answers a tap, also if Telegram takes it only later (5xx, no connection). Does nothing if it is too late."""
        toast = shorten(text, MAX_TOAST) or None
        for attempt in range(_ATTEMPTS):
            try:
                await self.bot.answer_callback_query(query_id, toast, show_alert=alert, url=url)
                return
            except BadRequest as error:
                if "query is too old" not in error.message.lower():
                    raise
                return
            except NetworkError as error:
                await _pause_or_raise(error, attempt, _ATTEMPTS)


async def _pause_or_raise(error: NetworkError, attempt: int, attempts: int) -> None:
    """Waits before the next attempt. Raises the error if there is none, or if Telegram may have done the call."""
    if attempt == attempts - 1 or not is_refused(error):
        raise error
    await asyncio.sleep(_FIRST_PAUSE * 2**attempt)


def seconds_of(error: RetryAfter) -> float:
    """Returns how long Telegram wants to be left alone, and a little more."""
    wait: Any = error.retry_after
    return (wait.total_seconds() if isinstance(wait, timedelta) else float(wait)) + 0.2


__all__ = ["Gone", "Later", "Telegram", "TelegramError"]
