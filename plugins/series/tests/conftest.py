"""A server of its own for each test, because the tests move the clock."""

import sys
from types import ModuleType

import pytest

from eventorg.testing import Server, eventorg

from .scene import Scene

__all__ = ["eventorg"]


@pytest.fixture
def eventorg_settings() -> dict[str, str]:
    return {"EVENTORG_PLUGINS": "series"}


@pytest.fixture
def scene(eventorg: Server) -> Scene:
    return Scene(eventorg)


@pytest.fixture
def making(eventorg: Server) -> ModuleType:
    """The module of the server that makes occurrences."""
    return sys.modules["eventorg_plugins.series.making"]
