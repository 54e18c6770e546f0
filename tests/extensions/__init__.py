"""Tests of the plugin system."""
