"""A server with this plugin alone, and an event with questions."""

import pytest

from eventorg.testing import Server, eventorg

from .scene import Scene

__all__ = ["eventorg"]


@pytest.fixture
def eventorg_settings() -> dict[str, str]:
    return {"EVENTORG_PLUGINS": "questions"}


@pytest.fixture
def scene(eventorg: Server) -> Scene:
    return Scene(eventorg)
