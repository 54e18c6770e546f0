"""Unicode normal forms (UAX #15) in a time that grows with the text, and not with its square.

`unicodedata.normalize` puts marks in a row into their order by insertion: 60 KB of them take seconds. This module sorts
them first, which gives the same order (the Unicode Standard, section 3.11, D108 and D109).
"""

import unicodedata
from itertools import groupby
from typing import Final, Literal

MAX_IN_ONE: Final = 4
"""NFC shortens a text at most by this factor: no character decomposes into more characters."""


def normal(form: Literal["NFC", "NFKC"], value: str) -> str:
    """Returns the text in a normal form."""
    if unicodedata.is_normalized(form, value):
        return value
    return unicodedata.normalize(form, _in_order(value))


def fold(name: str) -> str:
    """Returns the key by which names and email addresses are unique: case-insensitive in every alphabet.

    It is NFKC_Casefold of the Unicode Standard, section 3.13 (D146/D147), since SQLite's `lower()` and `NOCASE` know
    only ASCII.
    """
    return normal("NFKC", normal("NFKC", name).casefold())


def _in_order(value: str) -> str:
    runs = groupby(value, lambda character: unicodedata.combining(character) != 0)
    return "".join(character for _, run in runs for character in sorted(run, key=unicodedata.combining))
