"""The settings, the token, and what a server without one is spared."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from eventorg.plugin import Invalid
from eventorg.testing import ApiError, Server

from ..settings import Settings
from .scene import Scene

IDLE = """
import json, sys
from pathlib import Path
from eventorg.settings import load
from eventorg.testing import running

with running(load({"EVENTORG_DATABASE": sys.argv[1], "EVENTORG_LOG_LEVEL": "error"})) as server:
    health = server.client.get("/health").json()["plugins"]["telegram_bot"]
    bots = server.run("token", "list")
print(json.dumps([health, bots, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def test_without_a_token_nothing_is_imported_and_no_bot_is_made(tmp_path: Path) -> None:
    command = [sys.executable, "-c", IDLE, str(tmp_path / "eventorg.db")]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    health, bots, modules = json.loads(result.stdout)
    assert health == "ok"
    assert "telegram_bot" not in bots
    assert {"telegram", "dateparser", "tzlocal", "regex"}.isdisjoint(modules)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("token", "123456"), ("token", "123456:a b")),
        *(("api_url", "ftp://example.com"), ("api_url", "nowhere"), ("webhook_url", "http://[")),
        *(("timezone", "Mars/Olympus"), ("timezone", ""), ("timezone", "../etc/passwd"), ("timezone", "Europe")),
    ],
)
def test_a_wrong_setting_is_named(field: str, value: str) -> None:
    with pytest.raises(Invalid) as error:
        Settings(**{field: value})
    assert error.value.errors[0].field == field


def test_the_token_is_not_in_the_representation() -> None:
    assert "AAsecret" not in repr(Settings(token="1:AAsecret"))


def test_the_token_is_not_in_the_log(tmp_path: Path, telegram: Any) -> None:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("EVENTORG_")}
    variables |= {
        "EVENTORG_DATABASE": str(tmp_path / "eventorg.db"),
        "EVENTORG_PORT": "0",
        "EVENTORG_LOG_LEVEL": "debug",
        "EVENTORG_TELEGRAM_BOT_TOKEN": telegram.token,
        "EVENTORG_TELEGRAM_BOT_API_URL": telegram.url,
    }
    anna = telegram.person("Anna", language_code="en")
    telegram.fail("getUpdates", ApiError(401, "Unauthorized"))
    anna.start()
    command = [sys.executable, "-m", "eventorg", "serve"]
    with subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True) as process:
        try:
            anna.chat.wait_for(lambda message: "Hello" in message.text, timeout=60)
            process.terminate()
            _, log = process.communicate(timeout=30)
        finally:
            process.kill()
    assert "telegram_poll_failed" in log
    assert telegram.token.partition(":")[2] not in log


def test_the_bot_has_the_name_of_the_plugin(scene: Scene, eventorg: Server) -> None:
    scene.person("Anna", started=True)
    assert "telegram_bot" in eventorg.run("token", "list")
