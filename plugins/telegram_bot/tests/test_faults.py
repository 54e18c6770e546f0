"""Telegram refuses, conflicts, fails, hangs, or sends what cannot be read: /health says so, and the server goes on."""

import asyncio
import sys
import threading
from importlib import import_module
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock, Mock

import httpx
import pytest
from telegram import WebhookInfo
from telegram.error import Conflict, InvalidToken, NetworkError, TelegramError, TimedOut

from eventorg.testing import ApiError, Server, run_command

from ..faults import POLLER, TOKEN, WEBHOOK, describe
from ..settings import Settings
from ..state import MemoryState
from ..updates import Updates
from .scene import Scene, Stop, patched_sleep

UNAUTHORIZED = ApiError(401, "Unauthorized")
TOO_MANY = ApiError(429, "Too Many Requests: retry after 1", retry_after=1)
OTHER_POLLER = ApiError(
    409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
)


@pytest.fixture
def hasty(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first pause after a fault is shorter, but still longer than a request takes."""
    monkeypatch.setattr(sys.modules["eventorg_plugins.telegram_bot.updates"], "FIRST_PAUSE", 0.4)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (InvalidToken("Unauthorized"), TOKEN),
        (Conflict(OTHER_POLLER.description), POLLER),
        (Conflict("can't use getUpdates method while webhook is active"), WEBHOOK),
        (TimedOut(), "Telegram cannot be reached: it does not answer in time."),
        (NetworkError("Bad Gateway (502). Parsing the server response b'<html>' failed"), "it answers 502."),
        (NetworkError("httpx.ConnectError: All connection attempts failed"), "attempts failed."),
        (NetworkError("httpx.InvalidURL: http://x/bot1:AAsecret/getMe is no URL"), "httpx.InvalidURL: … is no URL."),
        (NetworkError("bot1:AAsecret failed"), "Telegram cannot be reached: … failed."),
    ],
)
def test_a_fault_is_one_sentence_without_the_token(error: TelegramError, sentence: str) -> None:
    said = describe(error)
    assert said.endswith(sentence)
    assert said.endswith(".")
    assert "AAsecret" not in said


def asked_for_the_time(scene: Scene) -> tuple[Any, Any]:
    """Returns somebody who makes an event, and the question of the bot whether the time is right."""
    anna = scene.person("Anna", started=True)
    anna.say(None, "/new")
    scene.wait(anna.chat, "What is the event called?")
    anna.say(None, "Tea")
    scene.wait(anna.chat, "When does it begin?")
    anna.say(None, "tomorrow 18:00")
    question = scene.wait(anna.chat, "Is that the right time?")
    return anna, question


@pytest.mark.parametrize("fault", [TOO_MANY, ApiError(500, "Internal Server Error")], ids=["429", "500"])
@pytest.mark.parametrize("method", ["editMessageText", "sendMessage"])
def test_what_telegram_does_not_take_yet_is_shown_later(scene: Scene, method: str, fault: ApiError) -> None:
    anna, question = asked_for_the_time(scene)
    scene.telegram.fail(method, fault, times=2)
    if method == "editMessageText":
        anna.tap(question, "Yes")
        scene.shows(question, "How long does it take?")
    else:
        anna.say(None, "tomorrow 20:15")
        scene.wait(anna.chat, "20:15")


def test_a_tap_whose_answer_telegram_does_not_take_yet_is_answered_later(scene: Scene) -> None:
    anna, question = asked_for_the_time(scene)
    scene.telegram.fail("answerCallbackQuery", ApiError(500, "Internal Server Error"), times=2)
    anna.tap(question, "Yes")  # raises TimeoutError if it is not answered
    scene.shows(question, "How long does it take?")


def test_a_reply_that_telegram_may_have_taken_is_not_sent_again(scene: Scene) -> None:
    anna = scene.person("Anna", started=True)
    scene.telegram.fail("sendMessage:answer", "the response gets lost")
    anna.say(None, "/help")
    scene.wait(anna.chat, "/timezone")
    anna.say(None, "/timezone Europe/Berlin")
    scene.wait(anna.chat, "Europe/Berlin")  # updates of one person are handled in order
    assert len(scene.telegram.calls("sendMessage")) == 3  # with the welcome


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    ("fault", "words"), [(UNAUTHORIZED, "EVENTORG_TELEGRAM_BOT_TOKEN"), (OTHER_POLLER, "Another program")]
)
def test_health_says_what_is_wrong_until_it_is_well_again(scene: Scene, fault: ApiError, words: str) -> None:
    anna = scene.person("Anna", started=True)
    scene.telegram.fail("getUpdates", fault, times=3)
    anna.say(None, "/help")
    scene.server.wait_for(lambda: words in scene.health)
    assert scene.server.client.get("/health").status_code == 200
    assert scene.server.client.get("/health").json()["status"] == "ok"
    scene.server.wait_for(lambda: scene.health == "ok")
    scene.wait(anna.chat, "/timezone")
    assert len([call for call in scene.telegram.calls("getUpdates") if call.error]) == 3


def test_the_pauses_after_faults_grow_and_begin_again() -> None:
    pauses: list[float] = []
    telegram = SimpleNamespace(updates=AsyncMock(side_effect=[*[TimedOut()] * 8, [], [], TimedOut(), Stop]))

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async def run() -> None:
        ready = asyncio.Event()
        ready.set()
        bot = SimpleNamespace(
            settings=Settings(token="1:AA"), telegram=telegram, report=Mock(), log=Mock(), is_ready=ready
        )
        updates = Updates(cast("Any", bot), cast("Any", None))
        with patched_sleep(Updates.__module__, sleep), pytest.raises(Stop):
            await updates.run()

    asyncio.run(run())
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 1]


@pytest.mark.usefixtures("hasty")
def test_a_second_poller_is_named(scene: Scene) -> None:
    scene.person("Anna", started=True)
    stop = threading.Event()

    def steal() -> None:
        with httpx.Client(base_url=f"{scene.telegram.url}/bot{scene.telegram.token}") as other:
            while not stop.is_set():
                other.get("/getUpdates", params={"timeout": 1})

    thread = threading.Thread(target=steal)
    thread.start()
    try:
        scene.server.wait_for(lambda: scene.health == POLLER)
    finally:
        stop.set()
        thread.join()
    scene.server.wait_for(lambda: scene.health == "ok")


def test_a_webhook_of_another_program_stays(scene: Scene) -> None:
    scene.person("Anna", started=True)
    foreign = "http://127.0.0.1:9/another"
    api = f"{scene.telegram.url}/bot{scene.telegram.token}"
    httpx.post(f"{api}/setWebhook", json={"url": foreign}).raise_for_status()
    httpx.post(f"{api}/getUpdates", json={"timeout": 0})  # ends the poll that waits
    scene.person("Boris").say(None, "/help")
    scene.server.wait_for(lambda: scene.health == WEBHOOK)
    assert scene.telegram.updates.webhook.url == foreign


class Hook:
    """A webhook without servers: what Telegram says about it at each look."""

    def __init__(self) -> None:
        self.info = WebhookInfo("https://events.example.com/hook", False, 0)
        settings = Settings(token="1:AA", webhook_url=self.info.url)
        telegram = SimpleNamespace(webhook=AsyncMock(side_effect=lambda: self.info), set_webhook=AsyncMock())
        self.report = Mock()
        bot = SimpleNamespace(settings=settings, telegram=telegram, report=self.report, state=MemoryState(), log=Mock())
        self.updates = Updates(cast("Any", bot), cast("Any", SimpleNamespace(route=AsyncMock())))

    async def look(self, pending: int, error: str | None) -> object:
        """Returns what /health says after a look."""
        self.info = WebhookInfo(self.info.url, False, pending, last_error_message=error)
        said = await self.updates._keep_webhook()
        assert self.report.call_args.args == (said,)
        return said


def test_a_webhook_to_which_telegram_cannot_deliver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{Updates.__module__}._LOOK_SECONDS", 0)
    error = "Wrong response from the webhook: 502 Bad Gateway."
    wrong = "Telegram cannot deliver updates to the webhook at events.example.com: " + error

    async def run() -> None:
        hook = Hook()
        assert await hook.look(0, None) is None
        assert await hook.look(3, None) is None, "they are on their way"
        assert await hook.look(3, error) == wrong
        assert await hook.look(3, error) == wrong
        await hook.updates.receive({"update_id": "none"})
        assert await hook.look(2, error) is None, "some arrive"
        assert await hook.look(2, error) == wrong
        assert await hook.look(0, error) is None, "an error of before"

    asyncio.run(run())


@pytest.fixture
def unreachable(eventorg_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens at the address of the webhook, which is looked at often."""
    run_command("telegram", "--help", EVENTORG_PLUGINS="telegram_bot")  # imports the plugin
    monkeypatch.setattr(import_module("eventorg_plugins.telegram_bot.updates"), "_LOOK_SECONDS", 0.1)
    eventorg_settings["EVENTORG_TELEGRAM_BOT_WEBHOOK_URL"] = "http://127.0.0.1:9/hook"


@pytest.mark.usefixtures("unreachable")
def test_health_says_that_updates_do_not_arrive(telegram: Any, eventorg: Server) -> None:
    telegram.person("Anna").start()

    def health() -> str:
        return str(eventorg.client.get("/health").json()["plugins"]["telegram_bot"])

    eventorg.wait_for(lambda: health().startswith("Telegram cannot deliver updates to the webhook at 127.0.0.1: "))
    telegram.wait_until(lambda: telegram._inner.updates.pending.clear() or True)
    eventorg.wait_for(lambda: health() == "ok")


def test_after_502_it_goes_on(scene: Scene) -> None:
    anna = scene.person("Anna", started=True)
    scene.telegram.down = True
    anna.say(None, "/help")
    scene.server.wait_for(lambda: scene.health == "Telegram cannot be reached: it answers 502.")
    scene.telegram.down = False
    scene.wait(anna.chat, "/timezone")
    scene.server.wait_for(lambda: scene.health == "ok")


@pytest.mark.parametrize(
    "update", ["nonsense", {"from": {"id": "x"}}, {"from": {"id": 5}, "chat": 7}, {"message_id": [], "chat": {"id": 1}}]
)
def test_an_update_that_cannot_be_read_is_stepped_over(scene: Scene, update: Any) -> None:
    anna = scene.person("Anna", started=True)
    scene.telegram.tell("message", update)
    anna.say(None, "/timezone Europe/Berlin")
    scene.wait(anna.chat, "Europe/Berlin")
    scene.telegram.wait_until(lambda: not scene.telegram.pending)
    assert scene.health == "ok"
