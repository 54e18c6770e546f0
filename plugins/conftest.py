"""Fixtures for the tests of the bundled plugins."""

from eventorg.testing import eventorg, eventorg_settings
from tests.described import documented_errors
from tests.read_once import statements_read_once

__all__ = ["documented_errors", "eventorg", "eventorg_settings", "statements_read_once"]
