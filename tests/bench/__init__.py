"""Measures eventorg, its limits and its peers: `python -m tests.bench`."""
