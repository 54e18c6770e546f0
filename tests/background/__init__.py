"""Tests of the change feed and other processes' commits."""
