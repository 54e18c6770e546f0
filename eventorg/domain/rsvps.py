"""Answers to an invitation to an event: going, maybe, or declined."""

from typing import Literal

StoredAnswer = Literal["maybe", "declined"]
Answer = Literal["going", StoredAnswer]
"""`going` is the registration itself, and only the other two are stored, so that the two never disagree."""
