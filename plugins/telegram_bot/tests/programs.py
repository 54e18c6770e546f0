"""Runs eventorg as a process of its own, with a bot that talks to a fake Telegram."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests import programs

EVENTORG = (sys.executable, "-m", "eventorg")


def variables(telegram: Any, **settings: object) -> dict[str, str]:
    """Returns an environment with these settings of eventorg, and those that lead to the fake."""
    given = _of(telegram) | settings
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EVENTORG_")}
    return kept | {f"EVENTORG_{name.upper()}": str(value) for name, value in given.items()}


def _of(telegram: Any) -> dict[str, Any]:
    return {"telegram_bot_token": telegram.token, "telegram_bot_api_url": telegram.url}


def free_port() -> int:
    """Returns a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def serving(database: Path, telegram: Any, **settings: Any) -> Iterator[programs.Process]:
    """Runs `eventorg serve` with all plugins until the block ends. It is forked as `tests.programs` does."""
    with programs.serving(database, plugins="", **_of(telegram), **settings) as program:
        yield program.process


def run(telegram: Any, *arguments: str, database: Path, **settings: Any) -> subprocess.CompletedProcess[str]:
    """Runs `eventorg …` and returns its output and exit status."""
    return programs.run(database, *arguments, plugins="", **_of(telegram), **settings)
