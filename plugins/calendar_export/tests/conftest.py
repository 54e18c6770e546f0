"""A server with this plugin alone, and what its tests ask it for."""

import pytest


@pytest.fixture
def eventorg_settings() -> dict[str, str]:
    return {"EVENTORG_PLUGINS": "calendar_export"}
