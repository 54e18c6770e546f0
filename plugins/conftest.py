"""Fixtures for the tests of the bundled plugins."""

from eventorg.testing import eventorg, eventorg_settings

__all__ = ["eventorg", "eventorg_settings"]
