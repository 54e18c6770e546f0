"""A server of its own for each test, because the tests move the clock."""

import sys
from types import ModuleType

import pytest

from eventorg.testing import Server, eventorg, eventorg_settings

from .scene import Scene

__all__ = ["eventorg", "eventorg_settings"]


@pytest.fixture
def scene(eventorg: Server) -> Scene:
    return Scene(eventorg)


@pytest.fixture
def making(eventorg: Server) -> ModuleType:
    """The module of the server that makes occurrences."""
    return sys.modules["eventorg_plugins.series.making"]
