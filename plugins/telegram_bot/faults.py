"""What is wrong with the connection to Telegram, as sentences for the operator."""

import re
from typing import Final
from urllib.parse import urlsplit

import httpx
from telegram import WebhookInfo
from telegram.error import Conflict, InvalidToken, NetworkError, RetryAfter, TelegramError, TimedOut

TOKEN: Final = "Telegram refuses the bot token. Check EVENTORG_TELEGRAM_BOT_TOKEN with BotFather."  # noqa: S105
POLLER: Final = "Another program receives the updates of this Telegram bot. Stop that poller, or use another bot."
WEBHOOK: Final = (
    "A webhook of another program is set for this Telegram bot, so it cannot poll. Delete it, or use another bot."
)
_UNREACHABLE: Final = "Telegram cannot be reached: {reason}."
_UNDELIVERED: Final = "Telegram cannot deliver updates to the webhook at {host}: {reason}."
_ADDRESS: Final = re.compile(r"\S*://\S*|\bbot\d+:\S*|\d+:[\w-]{20,}")
"""What may have the token in it."""
_CODE: Final = re.compile(r"\((\d{3})\)")


def describe(error: TelegramError) -> str:
    """Returns a sentence. It does not have the token in it."""
    if isinstance(error, InvalidToken):
        return TOKEN
    if isinstance(error, Conflict):
        return WEBHOOK if "webhook" in error.message.lower() else POLLER
    if isinstance(error, TimedOut):
        return _UNREACHABLE.format(reason="it does not answer in time")
    if isinstance(error, RetryAfter):
        return _UNREACHABLE.format(reason="it wants a pause (429)")
    if code := _CODE.search(error.message):
        return _UNREACHABLE.format(reason=f"it answers {code[1]}")
    return _UNREACHABLE.format(reason=_clean(error.message))


def is_unreached(error: TelegramError) -> bool:
    """Returns True if the call surely did not come to Telegram."""
    return isinstance(error.__cause__, httpx.ConnectError | httpx.ConnectTimeout)


def is_refused(error: NetworkError) -> bool:
    """Returns True if the call did not come to Telegram, or was answered with an error, such as 502. Otherwise the
    response got lost, and Telegram may have done the call."""
    return is_unreached(error) or not isinstance(error.__cause__, httpx.HTTPError)


def undelivered(webhook: WebhookInfo) -> str | None:
    """Returns a sentence if Telegram could not deliver updates that wait. The error can be one of long ago."""
    if not (webhook.pending_update_count and webhook.last_error_message):
        return None
    return _UNDELIVERED.format(host=urlsplit(webhook.url).hostname, reason=_clean(webhook.last_error_message))


def _clean(message: str) -> str:
    return _ADDRESS.sub("…", message).partition("\n")[0].rstrip(". ")[:200]
