"""Tests of values and pure rules."""
