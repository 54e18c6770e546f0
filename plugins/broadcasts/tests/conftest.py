"""Fixtures for the tests of the broadcasts."""

import pytest

from eventorg.testing import Server, eventorg, eventorg_settings

from .scene import Scene

__all__ = ["eventorg", "eventorg_settings"]


@pytest.fixture
def scene(eventorg: Server) -> Scene:
    return Scene(eventorg)
