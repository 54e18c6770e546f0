"""The tests' server: it has only this plugin, and at most two notes per event."""

from pathlib import Path

import pytest

from eventorg.testing import eventorg

__all__ = ["eventorg"]


@pytest.fixture
def eventorg_settings() -> dict[str, str]:
    """Returns the settings of that server."""
    folder = Path(__file__).parents[2]
    return {"EVENTORG_PLUGINS_DIR": str(folder), "EVENTORG_PLUGINS": "example", "EVENTORG_EXAMPLE_MOST": "2"}
