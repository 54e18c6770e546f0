"""Reminders in groups: when they come, that they come once, and when they do not."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from unittest.mock import AsyncMock, Mock

import httpx
import pytest
from telegram.error import NetworkError, TelegramError

from ..client import Gone, Later
from ..group_reminders import GroupReminders, duration_text
from ..reminders import read_minutes
from ..state import MemoryState
from .scene import Scene, Stop, code_of, patched_sleep

START = datetime(2027, 1, 2, 18, tzinfo=UTC)
SOON = {"days": 1, "hours": 5}
"""From Friday 12:00 UTC to an hour before Saturday 19:00 in Berlin, which is `START`."""


class Party:
    """A group with the card of a game to which Anna goes."""

    def __init__(
        self,
        scene: Scene,
        title: str = "Football",
        language: str = "en",
        *,
        going: bool = True,
        supergroup: bool = True,
    ) -> None:
        self.scene = scene
        self.anna = scene.person("Anna", language, started=True)
        self.group = scene.group(self.anna, zone="Europe/Berlin", supergroup=supergroup)
        self.anna.say(self.group, f"/new {title} Sat 19:00 2h, 12 seats")
        self.card = scene.card(self.group)
        self.event = f"/events/{code_of(self.card)}"
        if going:
            self.anna.tap(self.card, "Going" if language == "en" else "Иду")
            scene.shows(self.card, "1. Anna")  # edited, so the bot has noted the start

    def say(self, text: str, answer: str) -> None:
        self.anna.say(self.group, text)
        self.scene.wait(self.group, answer)

    def move(self, start: str, end: str, shown: str) -> None:
        """Moves the event, and waits until the card shows it."""
        times = {"start_time": start, "end_time": end}
        self.scene.acting(self.anna).patch(self.event, json=times).raise_for_status()
        self.scene.server.clock.advance(seconds=4)
        self.scene.shows(self.card, shown)

    def sent(self, title: str = "Football") -> list[str]:
        """The reminders that the bot has tried to send, in any chat."""
        calls = self.scene.telegram.calls("sendMessage")
        return [call.parameters["text"] for call in calls if call.parameters["text"].startswith(f"⏰ {title}")]


def test_a_group_is_reminded_once_under_the_card(scene: Scene) -> None:
    party, tea = Party(scene), Party(scene, "Чай", "ru")
    scene.server.clock.advance(hours=28, minutes=59)
    tea.say("/reminders 30 мин", "До начала: 30 минут")
    assert not party.sent()
    scene.server.clock.advance(minutes=1)
    reminder = scene.wait(party.group, "begins in")
    assert reminder.text == "⏰ Football begins in 1 hour. Going: 1 of 12."
    assert reminder._inner.reply_to.message_id == party.card.message_id
    scene.server.clock.advance(minutes=30)
    assert scene.wait(tea.group, "⏰ Чай").text == "⏰ Чай: до начала 30 минут. Идут: 1 из 12."
    assert len(party.sent()) == 1


def test_without_people_after_a_cancellation_and_if_turned_off_there_is_none(scene: Scene) -> None:
    empty, cancelled, off = Party(scene, "Chess", going=False), Party(scene, "Choir"), Party(scene, "Darts")
    scene.acting(cancelled.anna).patch(cancelled.event, json={"status": "cancelled"}).raise_for_status()
    off.say("/reminders OFF", "no reminders")
    football = Party(scene)
    scene.server.clock.advance(**SOON)
    scene.wait(football.group, "begins in 1 hour")
    scene.server.clock.advance(minutes=1)
    other = Party(scene, "Late")  # announced less than an hour before
    assert not [text for title in ("Chess", "Choir", "Darts", "Late") for text in other.sent(title)]
    empty.anna.tap(empty.card, "Going")
    assert scene.wait(empty.group, "begins in").text == "⏰ Chess begins in 59 minutes. Going: 1 of 12."


def test_an_event_that_moves_has_a_reminder_for_the_new_start(scene: Scene) -> None:
    party = Party(scene)
    scene.server.clock.advance(**SOON)
    scene.wait(party.group, "begins in 1 hour")
    party.move("2027-01-02T22:00:00+01:00", "2027-01-02T23:00:00+01:00", "22:00")
    scene.server.clock.advance(hours=3)
    scene.telegram.wait_until(lambda: len(party.sent()) == 2)


def test_a_group_that_becomes_a_supergroup_is_reminded_as_it_wants_then(scene: Scene) -> None:
    party = Party(scene, supergroup=False)
    party.group = party.group.migrate()
    party.say("/reminders 1d", "1 day before")
    scene.server.clock.advance(hours=6)
    reminder = scene.wait(party.group, "begins in")
    assert (reminder.text, reminder._inner.reply_to) == ("⏰ Football begins in 1 day. Going: 1 of 12.", None)


def test_a_deleted_card_and_a_kicked_bot_do_no_harm(scene: Scene) -> None:
    deleted, kicked = Party(scene, "Chess"), Party(scene, "Darts")
    deleted.card.deleted = True
    kicked.group.remove_bot(kicked.anna)
    scene.server.clock.advance(**SOON)
    assert scene.wait(deleted.group, "begins in")._inner.reply_to is None
    scene.telegram.wait_until(lambda: kicked.sent("Darts"))
    scene.server.clock.advance(minutes=1)
    other = Party(scene, going=False)
    assert (len(other.sent("Chess")), len(other.sent("Darts")), scene.health) == (1, 1, "ok")


def test_the_command_says_what_is_set_and_what_it_takes(scene: Scene) -> None:
    party = Party(scene, going=False)
    party.say("/reminders", "1 hour before")
    party.say("/reminders often", "up to 7 days")
    party.say("/reminders 1d", "1 day before")
    party.anna.say(None, "/reminders")
    scene.wait(party.anna.chat, "for groups")


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("1h", 60), ("90 min", 90), ("2ч", 120), ("1 день", 1440), ("7d", 10_080), ("8d", None), ("off", 0), ("x", None)],
)
def test_read_minutes(text: str, minutes: int | None) -> None:
    assert read_minutes(text) == minutes


@pytest.mark.parametrize(
    ("minutes", "english", "russian"),
    [
        (1, "1 minute", "1 минута"),
        (150, "2 hours 30 minutes", "2 часа 30 минут"),
        (1_500, "1 day 1 hour", "1 день 1 час"),
        (7_203, "5 days 3 minutes", "5 дней 3 минуты"),
    ],
)
def test_duration_text(minutes: int, english: str, russian: str) -> None:
    assert (duration_text(minutes, "en"), duration_text(minutes, "ru")) == (english, russian)


class Elsewhere:
    """What the reminders of a bot without a database work with. `telegram` is a Telegram that counts, or fails."""

    def __init__(self, file: Path, error: BaseException | None = None) -> None:
        self.state = MemoryState(file)
        self.error = error
        self.sent = 0
        self.telegram = self.api = self
        self.log = Mock()
        self.is_ready = asyncio.Event()
        self.is_ready.set()

    def clock(self) -> datetime:
        return START - timedelta(hours=1)

    async def call(self, *_: object, **__: object) -> dict[str, Any]:
        event = {"id": "a", "title": "Tea", "start_time": START.isoformat(), "status": "published"}
        return {"events": [event | {"registered_count": 3, "capacity": None}]}

    async def send(self, *_: object, **__: object) -> None:
        self.sent += 1
        if self.error:
            raise self.error

    def run(self, *placements: dict[str, Any]) -> int:
        """Runs a new process that learns of these cards, and returns how often it has sent a reminder."""
        reminders = GroupReminders(cast("Any", self))

        async def work() -> None:
            await reminders.load()
            for each in placements:
                await reminders.note(each, int(START.timestamp()))
            with suppress(Stop), patched_sleep(GroupReminders.__module__, AsyncMock(side_effect=Stop)):
                await reminders.run()

        asyncio.run(work())
        return self.sent


def _failed(cause: Exception) -> TelegramError:
    error = NetworkError("failed")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (None, 0),
        (_failed(httpx.ReadTimeout("it may have arrived")), 0),
        (_failed(httpx.ConnectError("it has not arrived")), 1),
        (Later(1), 1),
        (Gone("kicked"), 0),
    ],
)
def test_no_process_sends_what_one_before_it_may_have_sent(tmp_path: Path, error: Exception | None, again: int) -> None:
    card = {"chat_id": "-1", "message_id": "7", "event_id": "a", "thread_id": None, "locale": "en"}
    assert Elsewhere(tmp_path / "state", error).run(card) == 1
    assert Elsewhere(tmp_path / "state").run() == again
    assert Elsewhere(tmp_path / "state").run() == 0
