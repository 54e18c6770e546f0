"""Tests of the plugin webhooks."""
