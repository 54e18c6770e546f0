"""`eventorg telegram check`: asks Telegram about the bot, and says in a sentence each what is wrong."""

import asyncio
import os
import time
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct, field
from telegram.error import TelegramError

from .client import Telegram
from .faults import WEBHOOK, describe, undelivered
from .pace import Pace
from .settings import Settings
from .state import Values
from .webhook import PATH, address_of

POLL_SECONDS: Final = 5
"""How long another poller has to show itself."""
_INLINE: Final = "Inline mode is off, so people cannot share events in other chats. Send /setinline to BotFather."
_GROUPS: Final = "The bot cannot join groups. Send /setjoingroups to BotFather."
_PRIVACY_ON: Final = "Privacy mode is on: in groups the bot gets commands and replies only. It needs no more."
_PRIVACY_OFF: Final = "Privacy mode is off: the bot gets every message of its groups. Send /setprivacy to BotFather."
_OWN: Final = "The server is running, and receives the updates."
_DELIVER: Final = (
    "These eventorg bots also have the scope deliver, so some messages to people go to them: {names}. "
    "Revoke their tokens with eventorg token revoke, or create them without it."
)


class Report(Struct):
    """What to print, and whether something keeps the bot from its work."""

    lines: list[str] = field(default_factory=list)
    is_faulty: bool = False

    def note(self, sentence: str) -> None:
        """Adds a sentence."""
        self.lines.append(sentence)

    def blame(self, sentence: str) -> None:
        """Adds a sentence about a fault."""
        self.lines.append(sentence)
        self.is_faulty = True


def examine(settings: Settings, process: Values, others: Sequence[str]) -> Report:
    """Returns what Telegram says about the bot. `process` is what a running server notes about itself, `others` are the
    names of other bots with the scope `deliver`."""
    report = Report()
    asyncio.run(_examine(settings, process, report))
    if others:
        report.note(_DELIVER.format(names=", ".join(others)))
    return report


async def _examine(settings: Settings, process: Values, report: Report) -> None:
    telegram = Telegram(settings.token, settings.api_url, Pace())
    try:
        await telegram.start()
        report.note(f"@{telegram.me.username}")
        await _look_for_others(telegram, settings, process, report)
    except TelegramError as error:
        report.blame(describe(error))
    finally:
        await telegram.stop()
    if not telegram.me.username:
        return
    report.note(_PRIVACY_OFF if telegram.me.can_read_all_group_messages else _PRIVACY_ON)
    if telegram.me.can_join_groups is False:
        report.blame(_GROUPS)
    if not telegram.me.supports_inline_queries:
        report.blame(_INLINE)


async def _look_for_others(telegram: Telegram, settings: Settings, process: Values, report: Report) -> None:
    """Finds out who else receives the updates. Raises `TelegramError`, also if somebody does."""
    found = await telegram.webhook()
    address = found.url
    if address and address != address_of(settings) and not address.endswith(PATH):
        return report.blame(f"{WEBHOOK} It leads to {urlsplit(address).hostname}.")
    if address and (problem := undelivered(found)):
        return report.blame(problem)
    if _is_alive(process):
        return report.blame(process["problem"]) if process.get("problem") else report.note(_OWN)
    if address or settings.webhook_url:
        return None
    deadline = time.monotonic() + POLL_SECONDS
    while (left := deadline - time.monotonic()) > 0:  # confirms nothing, so no update is lost
        if await telegram.updates(0, max(int(left), 1)):
            await asyncio.sleep(1)
    return None


def _is_alive(process: Values) -> bool:
    """Returns true if the process that a server noted is there."""
    if process.get("pid") == os.getpid():  # the server was killed, and this command has its number in a new container
        return False
    try:
        os.kill(process["pid"], 0)
    except PermissionError:
        return True
    except (KeyError, OSError):
        return False
    return True
