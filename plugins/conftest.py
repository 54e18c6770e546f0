"""Fixtures for the tests of the bundled plugins."""

from eventorg.testing import eventorg, eventorg_settings
from tests.described import documented_errors
from tests.quick_start import quick_start

__all__ = ["documented_errors", "eventorg", "eventorg_settings", "quick_start"]
