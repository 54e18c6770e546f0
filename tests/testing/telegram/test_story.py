"""A story between people and a bot, asynchronous and not, and the transcript of it."""

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from eventorg.testing import FakeTelegram, running_fake
from eventorg.testing.telegram import Limits, Message
from tests.testing.telegram.api import Api

pytestmark = pytest.mark.anyio
CARD = {"inline_keyboard": [[{"text": "✅ Going", "callback_data": "go:1"}]]}


def answer_updates(call: Callable[..., Any], updates: list[dict[str, Any]]) -> int:
    """Answers updates as a bot does: a command gets a card, a tap gets a toast. Returns the next offset."""
    for update in updates:
        if "message" in update:
            chat_id = update["message"]["chat"]["id"]
            call("sendMessage", chat_id=chat_id, text="Tea", reply_markup=json.dumps(CARD))
        elif "callback_query" in update:
            call("answerCallbackQuery", callback_query_id=update["callback_query"]["id"], text="Seat 1")
    return int(updates[-1]["update_id"]) + 1 if updates else 0


async def test_a_tap_gets_the_answer_of_the_bot() -> None:
    async with FakeTelegram() as tg:
        anna = tg.person("Anna", language_code="en")
        group = tg.group("Tea", anna)
        await group.add_bot(anna, payload="abc")
        async with httpx.AsyncClient(base_url=f"{tg.url}/bot{tg.token}/") as client:

            async def serve() -> None:
                offset = 0
                while True:
                    response = await client.post("getUpdates", json={"offset": offset, "timeout": 5})
                    for update in response.json()["result"]:
                        offset = update["update_id"] + 1
                        if text := update.get("message", {}).get("text"):
                            body = {"chat_id": group.id, "text": f"You said {text}", "reply_markup": CARD}
                            await client.post("sendMessage", json=body)
                        if query := update.get("callback_query"):
                            body = {"callback_query_id": query["id"], "text": "Seat 1", "show_alert": True}
                            await client.post("answerCallbackQuery", json=body)

            task = asyncio.create_task(serve())
            card = await group.wait_for(lambda message: message.buttons)
            assert card.text == "You said /start@eventorg_bot abc"
            assert await anna.tap(card, "Going") == {"text": "Seat 1", "show_alert": True, "url": None}
            task.cancel()
        acts = [(entry.by, entry.verb) for entry in tg.transcript.entries if entry.verb != "getUpdates"]
        assert acts == [
            ("Anna", "add_bot"),
            ("Anna", "say"),
            ("bot", "sendMessage"),
            ("Anna", "tap"),
            ("bot", "answerCallbackQuery"),
        ]
        json.dumps([entry.json() for entry in tg.transcript.entries])


def test_a_test_that_is_not_asynchronous_acts_without_await() -> None:
    with running_fake() as tg, Api(tg.url, tg.token) as api:
        anna = tg.person("Anna")
        group = tg.group("Tea", anna)
        group.add_bot(anna)
        anna.say(group, "/new Tea")
        offset = answer_updates(api, api("getUpdates"))
        card = group.wait_for(lambda message: message.buttons)
        assert card.text == "Tea"
        assert card == group.shown[-1] != group.shown[0]
        answers: list[dict[str, Any]] = []
        tapping = threading.Thread(target=lambda: answers.append(anna.tap(card, "Going")))
        tapping.start()
        answer_updates(api, api("getUpdates", offset=offset, timeout=5))
        tapping.join()
        assert answers == [{"text": "Seat 1", "show_alert": False, "url": None}]


async def test_who_waits_in_vain_is_told_so() -> None:
    def never(_: Message) -> bool:
        return False

    async with FakeTelegram(limits=Limits(enforced=False)) as tg:
        anna = tg.person("Anna")
        with pytest.raises(TimeoutError):
            await anna.chat.wait_for(never, timeout=0.01)
        with pytest.raises(LookupError, match="no button"):
            anna.press(await anna.start(), "Going")
