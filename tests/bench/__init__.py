"""How fast eventorg is, beside its own limits and beside what one would write instead: `python -m tests.bench`."""
