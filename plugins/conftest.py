"""What the tests of the plugins here share."""

from eventorg.testing import eventorg, eventorg_settings

__all__ = ["eventorg", "eventorg_settings"]
