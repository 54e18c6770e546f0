"""Fixtures for the tests of the reminders."""

import sys

import pytest

from eventorg.testing import Server, eventorg

from .scene import Scene

__all__ = ["eventorg"]


@pytest.fixture
def eventorg_settings() -> dict[str, str]:
    return {"EVENTORG_PLUGINS": "reminders"}


@pytest.fixture
def scene(eventorg: Server, monkeypatch: pytest.MonkeyPatch) -> Scene:
    news = sys.modules["eventorg_plugins.reminders.news"]
    monkeypatch.setattr(news, "_POLL_SECONDS", 0.05)  # the clock jumps: notice it sooner
    return Scene(eventorg)
