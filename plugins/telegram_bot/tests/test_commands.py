"""`eventorg telegram check` and `eventorg telegram run`."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest

from eventorg.testing import ApiError, Server, eventorg_settings, run_command, running_fake

from ..faults import POLLER, TOKEN, WEBHOOK
from .programs import EVENTORG, run, serving, variables

__all__ = ["eventorg_settings"]  # the server of these tests has no bot of its own


Checked = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checked:
    """Runs `telegram check` in this process, and returns its exit status and its sentences.

    It looks for other pollers for one second, instead of five.
    """
    run_command("telegram", "--help", EVENTORG_PLUGINS="telegram_bot")  # imports the plugin
    monkeypatch.setattr(import_module("eventorg_plugins.telegram_bot.checking"), "POLL_SECONDS", 1)

    def run_check(telegram: Any, **settings: object) -> tuple[int, list[str]]:
        given = variables(telegram, **({"database": tmp_path / "none.db"} | settings))
        status, output, errors = run_command("telegram", "check", **given)
        assert telegram.token.partition(":")[2] not in output + errors
        return status, [*output.splitlines(), *errors.splitlines()]

    return run_check


def test_check_says_that_all_is_well_without_a_database(telegram: Any, tmp_path: Path, checked: Checked) -> None:
    status, lines = checked(telegram)
    assert (status, lines[0]) == (0, "@eventorg_bot")
    assert lines[1].startswith("Privacy mode is on")
    assert len(lines) == 2
    assert not list(tmp_path.iterdir())


def test_check_says_what_botfather_has_to_change(checked: Checked) -> None:
    with running_fake(inline=False, privacy=False) as telegram:
        status, lines = checked(telegram)
    assert status == 1
    assert [line.partition(" is ")[0] for line in lines] == ["@eventorg_bot", "Privacy mode", "Inline mode"]
    assert "/setprivacy" in lines[1]
    assert "/setinline" in lines[2]


def test_check_names_a_wrong_token(telegram: Any, checked: Checked) -> None:
    assert checked(telegram, telegram_bot_token="1:AAwrong") == (1, [TOKEN])
    status, lines = checked(telegram, telegram_bot_token="")
    assert status == 1
    assert "EVENTORG_TELEGRAM_BOT_TOKEN is not set" in lines[0]


def test_check_finds_another_poller(telegram: Any, checked: Checked) -> None:
    telegram.fail("getUpdates", ApiError(409, "Conflict: terminated by other getUpdates request"))
    anna = telegram.person("Anna")
    anna.start()
    status, lines = checked(telegram)
    assert (status, lines[1]) == (1, POLLER)
    assert telegram.pending, "nothing is confirmed"


def test_check_finds_a_webhook_without_its_path(telegram: Any, checked: Checked) -> None:
    url = f"{telegram.url}/bot{telegram.token}/setWebhook"
    httpx.post(url, json={"url": f"http://127.0.0.1:9/{telegram.token}"}).raise_for_status()
    status, lines = checked(telegram)
    assert (status, lines[1]) == (1, f"{WEBHOOK} It leads to 127.0.0.1.")


def test_check_says_why_telegram_cannot_deliver(telegram: Any, checked: Checked) -> None:
    address = "http://127.0.0.1:9/telegram"
    httpx.post(f"{telegram.url}/bot{telegram.token}/setWebhook", json={"url": address}).raise_for_status()
    telegram.person("Anna").start()
    telegram.wait_until(lambda: telegram._inner.updates.webhook_info().get("last_error_message"))
    status, lines = checked(telegram, telegram_bot_webhook_url=address)
    assert status == 1
    assert lines[1].startswith("Telegram cannot deliver updates to the webhook at 127.0.0.1: ")


def test_check_beside_a_running_server(telegram: Any, tmp_path: Path, checked: Checked) -> None:
    database = tmp_path / "eventorg.db"
    anna = telegram.person("Anna", language_code="en")
    anna.start()
    with serving(database, telegram):
        anna.chat.wait_for(lambda message: "Hello" in message.text, timeout=60)
        run(telegram, "token", "create", "other", "--scope", "deliver", database=database)
        before = len(telegram.calls("getUpdates"))
        status, lines = checked(telegram, database=database)
        assert (status, lines[1]) == (0, "The server is running, and receives the updates.")
        assert lines[-1].startswith("These eventorg bots also have the scope deliver")
        assert ": other." in lines[-1]
        assert all(call.error is None for call in telegram.calls("getUpdates")[before:]), "the server is left alone"
    assert checked(telegram, database=database)[0] == 0


def test_run_needs_a_server_and_a_token_with_its_scopes(eventorg: Server, telegram: Any, tmp_path: Path) -> None:
    def said(url: str, token: str) -> str:
        command = ("telegram", "run", "--url", url, "--token", token)
        done = run(telegram, *command, database=tmp_path / "none.db")
        assert (done.returncode, done.stdout) == (1, "")
        return done.stderr

    assert "cannot be reached" in said("http://127.0.0.1:9", "x")
    assert "refuses the token" in said(eventorg.url, "x")
    assert "lacks the scope deliver" in said(eventorg.url, eventorg.make_bot("act", "changes").token)
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize("file", ["bot.json", None])
def test_run_is_the_whole_bot_of_a_server_elsewhere(
    eventorg: Server, telegram: Any, tmp_path: Path, file: str | None
) -> None:
    eventorg.clock.now = datetime.now(UTC)  # as that of the other process
    token = eventorg.make_bot("act", "changes", "deliver").token
    command = [*EVENTORG, "telegram", "run", "--url", eventorg.url, "--token", token]
    state = tmp_path / "state" / file if file else None
    if state:
        state.parent.mkdir()
        command += ["--state", str(state)]
    anna = telegram.person("Anna", language_code="en")
    given = variables(telegram, database=tmp_path / "none.db")
    with subprocess.Popen(command, env=given, stderr=subprocess.PIPE, text=True) as process:
        try:
            anna.say(None, "/timezone Europe/Berlin")
            anna.chat.wait_for(lambda message: "Europe/Berlin" in message.text and message.sender["is_bot"], timeout=60)
            anna.say(None, "/new Tea tomorrow 18:00, 3 seats")
            card = anna.chat.wait_for(lambda message: message.buttons)
            assert anna.tap(card, "Going")["text"] == "You are going. Seats taken: 1 of 3."
            inner = card._inner
            telegram.wait_until(lambda: "1. Anna" in inner.text)
            process.terminate()
            _, log = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0
    assert "telegram_started" in log
    assert not {telegram.token.partition(":")[2], token} & set(log.split())
    assert telegram.token.partition(":")[2] not in log
    assert not (tmp_path / "none.db").exists()
    if state:
        assert "Europe/Berlin" in state.read_text("utf-8")


def test_without_a_token_no_command_imports_the_library(telegram: Any, tmp_path: Path) -> None:
    given = variables(telegram, database=tmp_path / "none.db", telegram_bot_token="")
    command = [sys.executable, "-X", "importtime", "-m", "eventorg", "telegram", "check"]
    done = subprocess.run(command, env=given, capture_output=True, text=True, timeout=60)
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "click" in imported
    assert {"telegram", "dateparser"}.isdisjoint(imported)
