"""The commands and tables of the README are correct."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from eventorg.settings import Settings
from eventorg.testing import Clock, Server, running, running_fake
from tests.readme import README, rendered

TEXT = README.read_text(encoding="utf-8")


def block(language: str, number: int = 0) -> str:
    """Returns the code block with this number, counted from 0, of a language."""
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    return found[number]


def test_its_tables_are_those_of_the_code() -> None:
    assert rendered(TEXT) == TEXT


def test_it_opens_with_two_commands_of_one_line() -> None:
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)[:2]
    assert [language for language, _ in blocks] == ["sh", "sh"]
    assert [command.count("\n") for _, command in blocks] == [1, 1]
    assert "app.py" in blocks[0][1]
    assert "pytest" in blocks[1][1]


def play(script: str, server: Server, folder: Path) -> str:
    """Returns the output of a shell script that runs against a server."""
    script = script.replace("http://127.0.0.1:8000", server.url).replace(".venv/bin/python", sys.executable)
    path = {"PATH": os.environ["PATH"], "PYTHONPATH": str(README.parent)}
    environment = path | {"EVENTORG_DATABASE": str(server.settings.database_path)}
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        cwd=folder,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_the_story_can_be_told(fresh_server: Server, tmp_path: Path) -> None:
    assert block("bash").count("curl -s ") == 10
    told = play(block("bash"), fresh_server, tmp_path)
    assert '"guests":1,"guest_names":["Вера"]' in told
    assert '"first_name":"Глеб"' in told
    answered = json.loads(told[told.rindex('{"id"') :])
    shown = json.loads(block("json"))
    assert answered.keys() == shown.keys()
    by_chance = {"id", "code", "organizer_id", "created_at", "updated_at"}
    assert {key: answered[key] for key in shown if key not in by_chance} == {
        key: value for key, value in shown.items() if key not in by_chance
    }


class ClockOnTheWall(Clock):
    def __call__(self) -> datetime:
        return datetime.now(UTC)


@pytest.mark.skipif(not (README.parent / "plugins" / "reminders").is_dir(), reason="the plugin was removed")
def test_a_bot_gets_from_its_token_to_a_reminder(tmp_path: Path) -> None:
    settings = Settings(database=str(tmp_path / "eventorg.db"), plugins="reminders", log_level="error")
    with running(settings, ClockOnTheWall()) as server:
        told = play(block("bash", 1), server, tmp_path)
    assert '"type":"registration.created"' in told
    assert '"Чай и пирог' in told


@contextmanager
def bot_running(number: int, telegram: Any, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Runs a command for the bundled bot, against the fake Telegram, until it ends or the block does."""
    programs = {
        ".venv/bin/python app.py": f"{sys.executable} app.py",
        ".venv/bin/eventorg": f"{sys.executable} -m eventorg",
    }
    script = block("sh", number).replace("123456:ABC", telegram.token)
    for written, real in programs.items():
        script = script.replace(written, real)
    given = {"DATABASE": str(folder / "eventorg.db"), "PORT": "0", "TELEGRAM_BOT_API_URL": telegram.url}
    environment = {"PATH": os.environ["PATH"]} | {f"EVENTORG_{name}": value for name, value in given.items()}
    command = ["bash", "-euc", f"exec env {script}"]
    with subprocess.Popen(
        command, env=environment, cwd=README.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=60)


@pytest.mark.skipif(not (README.parent / "plugins" / "telegram_bot").is_dir(), reason="the plugin was removed")
def test_the_bundled_bot_runs_after_one_command(tmp_path: Path) -> None:
    said = re.search(r"write `(/new [^`]+)`", TEXT)
    assert said
    with running_fake() as telegram:
        anna = telegram.person("Anna", language_code="en")
        group = telegram.group("Friends", anna)
        group.add_bot(anna)
        with bot_running(2, telegram, tmp_path):
            anna.say(group, said[1])
            card = group.wait_for(lambda message: message.buttons, timeout=60)
            assert anna.tap(card, "Going")["text"].startswith("You are going. Seats taken: 1 of 12.")
        with bot_running(3, telegram, tmp_path) as checking:
            told, _ = checking.communicate(timeout=60)
        assert (checking.returncode, told.splitlines()[0]) == (0, "@eventorg_bot")
        polled = len(telegram.calls())
        with bot_running(4, telegram, tmp_path) as serving:
            assert serving.stderr
            assert any("serving" in line for line in iter(serving.stderr.readline, ""))
        assert len(telegram.calls()) == polled, "with the ID alone, the bundled bot is off"


def test_the_secret_can_be_replaced_without_ending_logins(tmp_path: Path) -> None:
    settings = Settings(database=str(tmp_path / "eventorg.db"), plugins="none", log_level="error")
    with running(settings) as server:
        user = server.sign_up()
    statuses = []
    tokens = [user.token]
    for number in (7, 8):
        play(block("sh", number), server, tmp_path)
        with running(settings) as server:
            tokens.append(server.log_in(user.account["email"]))
            headers = [{"Authorization": f"Bearer {token}"} for token in tokens]
            statuses.append([server.client.get("/users/me", headers=each).status_code for each in headers])
    assert statuses == [[200, 200], [401, 200, 200]]
    secret = tmp_path / "eventorg.db.secret"
    assert len(secret.read_text().strip()) == 64
    assert secret.stat().st_mode & 0o777 == 0o600
