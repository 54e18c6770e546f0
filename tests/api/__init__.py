"""Tests of the resources of the API."""
