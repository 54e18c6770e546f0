"""Tests of tokens, passwords and secrets."""
