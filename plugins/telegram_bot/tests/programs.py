"""Runs eventorg as a process of its own, with a bot that talks to a fake Telegram."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

EVENTORG = (sys.executable, "-m", "eventorg")


def variables(telegram: Any, **settings: object) -> dict[str, str]:
    """Returns an environment with these settings of eventorg, and those that lead to the fake."""
    given = {"telegram_bot_token": telegram.token, "telegram_bot_api_url": telegram.url} | settings
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EVENTORG_")}
    return kept | {f"EVENTORG_{name.upper()}": str(value) for name, value in given.items()}


def free_port() -> int:
    """Returns a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def serving(database: Path, telegram: Any, **settings: object) -> Iterator[subprocess.Popen[str]]:
    """Runs `eventorg serve` until the block ends. Its log goes into the file `log` beside the database."""
    given = variables(telegram, **({"database": database, "port": 0} | settings))
    with (
        (database.parent / "log").open("a") as log,
        subprocess.Popen([*EVENTORG, "serve"], env=given, stderr=log, text=True) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            finally:
                process.kill()


def run(telegram: Any, *arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    """Runs `eventorg …` and returns its output and exit status."""
    given = variables(telegram, **settings)
    return subprocess.run([*EVENTORG, *arguments], env=given, capture_output=True, text=True, timeout=60)
