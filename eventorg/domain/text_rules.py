"""The rules of texts: names, email addresses, passwords and language tags. Each returns the stored form of a text."""

import re
import unicodedata
from typing import Final, Literal

from eventorg.domain.cleaners import Refused
from eventorg.domain.normal_forms import MAX_IN_ONE, normal, visible

LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
UNPRINTABLE: Final = frozenset(("Cc", "Cs", "Zl", "Zp"))
"""Unicode categories that no text may contain: control characters, surrogates, line and paragraph separators."""


def composed(value: str, maximum: int) -> str:
    """Returns the text trimmed and in NFC, the form whose length counts. A text that is far too long is refused
    first."""
    value = value.strip()
    if len(value) > maximum * MAX_IN_ONE:
        raise Refused("too_long", maximum=maximum)
    return normal("NFC", value)


def within(
    value: str, length: int, minimum: int, maximum: int, unit: Literal["characters", "bytes"] = "characters"
) -> str:
    """Returns `value` if `length` lies between the two limits, which are included."""
    if length < minimum:
        raise Refused("too_short", minimum=minimum, unit=unit)
    if length > maximum:
        raise Refused("too_long", maximum=maximum, unit=unit)
    return value


def clean_username(value: str) -> str:
    """Returns the name in NFC. Raises `Refused` for a character that usernames cannot have."""
    value = composed(value, 32)
    within(value, len(visible(value)), 3, 32)
    within(value, len(value), 3, 32)
    if not all(c in "_.-" or unicodedata.category(c)[0] in "LM" or c.isdecimal() for c in value):
        raise Refused("username_characters")
    return value


def is_username(value: str) -> bool:
    """Returns true if a name from elsewhere is a valid username."""
    try:
        return clean_username(value) == value
    except Refused:
        return False


def clean_email(value: str) -> str:
    """Returns the address in NFC. Raises `Refused` unless it has the form of an email address."""
    value = composed(value, 254)
    within(value, len(value), 3, 254)
    if not visible(value.partition("@")[0]):
        raise Refused("email_syntax")
    from email_validator import EmailNotValidError, validate_email  # here: its import is slow, and few commands need it

    try:
        validate_email(value, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        raise Refused("email_syntax") from None
    return value


def clean_password(value: str) -> str:
    """Returns a new password as `clean_attempt` does. Raises `Refused` for one that is too short or cannot be typed."""
    value = clean_attempt(value)
    if any(unicodedata.category(c) in UNPRINTABLE for c in value):
        raise Refused("control_character")
    return within(value, len(value.encode()), 8, 1024, "bytes")


def clean_attempt(value: str) -> str:
    """Returns a password in NFC with plain spaces, so that the keyboard makes no difference (RFC 8265, section
    4.2.2)."""
    within(value, len(value.encode()), 0, 1024, "bytes")
    value = normal("NFC", "".join(" " if unicodedata.category(c) == "Zs" else c for c in value))
    return within(value, len(value.encode()), 0, 1024, "bytes")


def clean_locale(value: str) -> str:
    """Returns the tag. Raises `Refused` unless it looks like one."""
    if not is_locale(value):
        raise Refused("locale_syntax")
    return value


def is_locale(value: str) -> bool:
    """Returns true if the text looks like a language tag (BCP 47)."""
    return LANGUAGE_TAG.fullmatch(value) is not None
