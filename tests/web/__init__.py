"""Tests of what every request shares."""
