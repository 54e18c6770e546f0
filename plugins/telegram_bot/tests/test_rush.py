"""Many people tap within a few seconds in one group; once, the server is killed amid them."""

import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from eventorg.testing import running_fake

from .programs import serving
from .rush import PEOPLE, SECONDS, crowd, refused, tap_all

SECONDS_AFTER = 2.0


@pytest.fixture
def telegram() -> Iterator[Any]:
    """A Telegram with its limits."""
    with running_fake() as fake:
        yield fake


def posted(telegram: Any, count: int = PEOPLE) -> tuple[Any, list[Any]]:
    """Returns the card of a new event in a group, and the people of the group."""
    people = crowd(telegram, count)
    group = telegram.group("Friends", people[0], supergroup=True)
    group.add(*people)
    group.add_bot(people[0])
    people[0].say(group, f"/new Football tomorrow 19:00 2h, {count} seats")
    return group.wait_for(lambda message: message.buttons, timeout=60), people


def right_at(card: Any, count: int = PEOPLE) -> float | None:
    """Returns when the card began to show everybody, on the clock `time.monotonic`."""
    return next((at for at, text in card.versions if f"{count} of {count} seats" in text), None)


@pytest.mark.parametrize(
    ("count", "seconds", "after"),
    [(60, 3.0, 10.0), pytest.param(PEOPLE, SECONDS, SECONDS_AFTER, marks=pytest.mark.slow)],
)
def test_everybody_is_answered_and_the_card_is_right_at_once(
    tmp_path: Path, telegram: Any, count: int, seconds: float, after: float
) -> None:
    with serving(tmp_path / "eventorg.db", telegram, telegram_bot_timezone="Europe/Berlin"):
        card, people = posted(telegram, count)
        begun = time.monotonic()
        answered = [at for at in tap_all(telegram, card, people, seconds) if at is not None]
        inner = card._inner
        telegram.wait_until(lambda: f"{count} of {count} seats" in inner.text)
    assert len(answered) == count
    assert refused(telegram) == []
    assert len(telegram.calls("editMessageText", since=begun)) <= time.monotonic() - begun + 2, "one a second"
    late = right_at(card, count)
    assert late is not None
    assert late - max(answered) <= after


@contextmanager
def hasty_bot(telegram: Any) -> Iterator[dict[str, int]]:
    """Runs a bot that edits the card at each tap, as most bots do. Yields what it counts."""
    counted = {"taps": 0}
    stop = threading.Event()

    def run() -> None:
        offset = 0
        with httpx.Client(base_url=f"{telegram.url}/bot{telegram.token}", timeout=10) as client:
            while not stop.is_set():
                wish = {"offset": offset, "timeout": 1}
                for update in client.post("/getUpdates", json=wish).json().get("result", []):
                    offset = update["update_id"] + 1
                    if query := update.get("callback_query"):
                        counted["taps"] += 1
                        card = query["message"]
                        edit = {"chat_id": card["chat"]["id"], "message_id": card["message_id"]}
                        edit |= {"text": f"{counted['taps']} of {PEOPLE} seats", "reply_markup": card["reply_markup"]}
                        client.post("/answerCallbackQuery", json={"callback_query_id": query["id"]})
                        client.post("/editMessageText", json=edit)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield counted
    finally:
        stop.set()
        thread.join()


@pytest.mark.slow
def test_a_bot_that_edits_at_each_tap_is_refused_and_its_card_is_old(telegram: Any) -> None:
    """The control: the fake would notice."""
    people = crowd(telegram)
    group = telegram.group("Friends", people[0], supergroup=True)
    group.add(*people)
    group.add_bot(people[0])
    keyboard = {"inline_keyboard": [[{"text": "Going", "callback_data": "g"}]]}
    message = {"chat_id": group.id, "text": "Football", "reply_markup": keyboard}
    httpx.post(f"{telegram.url}/bot{telegram.token}/sendMessage", json=message).raise_for_status()
    card = group.wait_for(lambda message: message.buttons)
    with hasty_bot(telegram) as counted:
        tap_all(telegram, card, people)
        time.sleep(SECONDS_AFTER)
    assert counted["taps"] == PEOPLE
    assert len(refused(telegram)) > PEOPLE / 2
    assert len(card.versions) < PEOPLE / 4, "most of the time, it shows an old number"


@pytest.mark.slow
def test_after_kill_9_no_tap_is_lost(tmp_path: Path, telegram: Any) -> None:
    database = tmp_path / "eventorg.db"

    def kill(process: subprocess.Popen[str]) -> None:
        time.sleep(SECONDS / 2)
        process.send_signal(signal.SIGKILL)
        process.wait(60)
        again.start()

    ended = threading.Event()

    def serve_again() -> None:
        with serving(database, telegram, telegram_bot_timezone="Europe/Berlin"):
            ended.wait(120)

    again = threading.Thread(target=serve_again)
    with serving(database, telegram, telegram_bot_timezone="Europe/Berlin") as process:
        card, people = posted(telegram)
        killer = threading.Thread(target=kill, args=(process,))
        killer.start()
        try:
            answered = [at for at in tap_all(telegram, card, people) if at is not None]
            inner = card._inner
            telegram.wait_until(lambda: f"{PEOPLE} of {PEOPLE} seats" in inner.text, timeout=40)
            telegram.wait_until(lambda: not telegram._inner.pending)
        finally:
            killer.join()
            ended.set()
            again.join()
    assert len(answered) >= PEOPLE - 5, "only those whose answer was under way can be without one"
    assert refused(telegram) == []
