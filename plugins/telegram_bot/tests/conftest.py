"""Fixtures for the tests of the bot."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from eventorg.testing import Server, eventorg, running_fake
from eventorg.testing.telegram import Limits

from .scene import Scene

__all__ = ["eventorg"]


@pytest.fixture
def telegram() -> Iterator[Any]:
    """A Telegram without limits. `test_pace` and the tests of load have the real ones."""
    with running_fake(limits=Limits(enforced=False)) as fake:
        yield fake


@pytest.fixture
def eventorg_settings(telegram: Any) -> dict[str, str]:
    return {
        "EVENTORG_TELEGRAM_BOT_TOKEN": telegram.token,
        "EVENTORG_TELEGRAM_BOT_API_URL": telegram.url,
    }


@pytest.fixture
def scene(eventorg: Server, telegram: Any, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A bot that hardly waits between two messages, and between two looks at the changes."""
    pace = sys.modules["eventorg_plugins.telegram_bot.pace"]
    for name in ("BURST_SECONDS", "EDIT_GAP", "LONGER_GAP"):
        monkeypatch.setattr(pace, name, getattr(pace, name) / 50)
    monkeypatch.setattr(sys.modules["eventorg_plugins.telegram_bot.changes"], "LOOK_SECONDS", 0.1)
    return Scene(eventorg, telegram)
