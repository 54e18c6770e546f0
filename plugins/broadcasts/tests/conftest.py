"""Fixtures for the tests of the broadcasts."""

import pytest

from eventorg.testing import Server, eventorg

from .scene import Scene

__all__ = ["eventorg"]


@pytest.fixture
def eventorg_settings() -> dict[str, str]:
    return {"EVENTORG_PLUGINS": "broadcasts"}


@pytest.fixture
def scene(eventorg: Server) -> Scene:
    return Scene(eventorg)
