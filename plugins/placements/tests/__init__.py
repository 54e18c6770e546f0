"""Tests of the placements."""
