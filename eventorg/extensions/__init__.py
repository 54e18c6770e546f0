"""Finds, loads and runs plugins. What they may import is in `eventorg.plugin`."""
