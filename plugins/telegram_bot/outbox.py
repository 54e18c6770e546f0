"""Sends what the server has to tell people: reminders, news, broadcasts."""

import asyncio
from typing import Any, Final

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from .api import Problem
from .bot import Bot
from .broadcast_heads import BroadcastHeads
from .client import Gone, Later, TelegramError
from .pace import Priority
from .texts import language_of, say

LOOK_SECONDS: Final = 2.0
LIMIT: Final = 30
LEASE_SECONDS: Final = 120

_ASKING: Final = ("changed", "reminders.restored")
"""The kinds of news after which a person may want to answer again."""

_DELETED: Final = "reminders.deleted"
"""The kind of news of an event that is not there any more."""

Delivery = dict[str, Any]


async def deliver(bot: Bot) -> None:
    """Leases, sends and acknowledges messages until it is cancelled."""
    heads = BroadcastHeads(bot)
    resume = True  # what a process before this one held comes first
    while True:
        count = 0
        try:
            wish = {"limit": LIMIT, "lease_seconds": LEASE_SECONDS, "resume": resume}
            found = (await bot.api.call("POST", "/deliveries/lease", json=wish))["deliveries"]
            resume, count = False, len(found)
            if found:
                results = await asyncio.gather(*(_send(bot, heads, each) for each in found))
                await bot.api.call("POST", "/deliveries/ack", json={"results": results})
        except Problem as problem:
            bot.log.warning("telegram_deliveries_postponed", reason=problem.code)
        if count < LIMIT:
            await asyncio.sleep(LOOK_SECONDS)


async def _send(bot: Bot, heads: BroadcastHeads, delivery: Delivery) -> dict[str, Any]:
    """Sends a message, and returns what became of it."""
    is_broadcast = delivery["kind"] == "broadcasts.message"
    try:
        async with asyncio.timeout(LEASE_SECONDS / 2):
            text, entities = await heads.write(delivery) if is_broadcast else (delivery["text"], None)
            await bot.telegram.send(
                int(delivery["telegram_id"]),
                text,
                entities=entities,
                keyboard=_keyboard(delivery),
                priority=Priority.BROADCAST if is_broadcast else Priority.NOTICE,
            )
    except Gone:
        return {"id": delivery["id"], "result": "blocked"}
    except Later as later:
        return {"id": delivery["id"], "result": "retry", "retry_after": int(later.seconds) + 1}
    except (TelegramError, TimeoutError) as error:
        bot.log.warning("telegram_delivery_postponed", kind=delivery["kind"], error=type(error).__name__)
        return {"id": delivery["id"], "result": "retry"}
    return {"id": delivery["id"], "result": "sent"}


def _keyboard(delivery: Delivery) -> InlineKeyboardMarkup | None:
    """Returns the buttons under a message: to see its event, and to answer again if the event has moved."""
    event_id = delivery["event_id"]
    if not event_id or delivery["kind"] == _DELETED:
        return None
    language = language_of(delivery["locale"])

    def button(name: str, data: str) -> InlineKeyboardButton:
        return InlineKeyboardButton(say(language, f"buttons.{name}"), callback_data=f"{data}:{event_id}")

    rows = [[button("show", "show")]]
    if delivery["kind"] in _ASKING:
        rows = [[button("going", "a:going")], [button("maybe", "a:maybe"), button("declined", "a:declined")], *rows]
    return InlineKeyboardMarkup(rows)
