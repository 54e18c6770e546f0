"""Opaque cursors of lists: what the last row was, as URL-safe text."""

import base64
import binascii
from typing import Any, TypeVar

import msgspec

from eventorg.domain.errors import FieldError, Invalid

T = TypeVar("T")


def encode_cursor(place: object) -> str:
    """A place in a list as a cursor."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def decode_cursor(cursor: str | None, kind: Any, start: T) -> T:
    """The place (of this kind) a cursor stands for, `start` without one. Raises `Invalid` for one that is not ours."""
    if cursor is None:
        return start
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        place: T = msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=kind)
        return place
    except (UnicodeEncodeError, UnicodeDecodeError, binascii.Error, msgspec.DecodeError):
        raise Invalid(FieldError("cursor", "cursor_invalid")) from None
