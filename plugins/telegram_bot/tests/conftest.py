"""Fixtures for the tests of the bot."""

from collections.abc import Iterator
from typing import Any

import pytest

from eventorg.testing import Server, eventorg, running_fake

from .scene import Scene

__all__ = ["eventorg"]


@pytest.fixture
def telegram() -> Iterator[Any]:
    with running_fake() as fake:
        yield fake


@pytest.fixture
def eventorg_settings(telegram: Any) -> dict[str, str]:
    return {
        "EVENTORG_TELEGRAM_BOT_TOKEN": telegram.token,
        "EVENTORG_TELEGRAM_BOT_API_URL": telegram.url,
    }


@pytest.fixture
def scene(eventorg: Server, telegram: Any) -> Scene:
    return Scene(eventorg, telegram)
