"""Unicode normal forms (UAX #15) in a time that grows with the text, and not with its square.

`unicodedata.normalize` puts marks in a row into their order by insertion: 60 KB of them take seconds. This module sorts
them first, which gives the same order (the Unicode Standard, section 3.11, D108 and D109).
"""

import re
import unicodedata
from itertools import groupby
from typing import Final, Literal

_MAX_LABEL: Final = 63
MAX_IN_ONE: Final = 4
"""NFC shortens a text at most by this factor: no character decomposes into more characters."""

_INVISIBLE: Final = re.compile(
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800"
    r"\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    r"\U000e0000-\U000e0fff]"
)
"""The characters that show nothing: Default_Ignorable_Code_Point of the Unicode Character Database, which `unicodedata`
does not have, the blank Braille pattern, and the marks of interlinear annotations."""


def normal(form: Literal["NFC", "NFKC"], value: str) -> str:
    """Returns the text in a normal form."""
    if unicodedata.is_normalized(form, value):
        return value
    return unicodedata.normalize(form, _in_order(value))


def fold(text: str) -> str:
    """Returns a text in the form in which it is searched: case-insensitive in every alphabet.

    SQLite's `lower()` and `NOCASE` know only ASCII.
    """
    return normal("NFKC", normal("NFKC", text).casefold())


def visible(text: str) -> str:
    """Returns what is visible of a text, without the spaces around it."""
    return (text if text.isascii() else _INVISIBLE.sub("", text)).strip()


def name_key(name: str) -> str:
    """Returns the key by which names are unique, in any case and without invisible characters.

    It is NFKC_Casefold of the Unicode Standard, section 3.13 (D146/D147).
    """
    folded = fold(name)
    return folded if folded.isascii() else normal("NFKC", _INVISIBLE.sub("", folded))


def email_key(email: str) -> str:
    """Returns the key by which email addresses are unique: a domain and its ASCII form (RFC 5891) are one."""
    local, at, domain = name_key(email).rpartition("@")
    if "xn--" in domain:
        domain = name_key(".".join(map(_decode_label, domain.split("."))))
    return local + at + domain


def _decode_label(label: str) -> str:
    """Returns a label of a domain name in Unicode. A label that is not valid stays as it is."""
    if not label.startswith("xn--") or len(label) > _MAX_LABEL:
        return label
    try:
        decoded = label.removeprefix("xn--").encode("ascii").decode("punycode")
    except UnicodeError:
        return label
    return label if decoded.isascii() else decoded


def _in_order(value: str) -> str:
    runs = groupby(value, lambda character: unicodedata.combining(character) != 0)
    return "".join(character for _, run in runs for character in sorted(run, key=unicodedata.combining))
