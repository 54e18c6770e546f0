"""Pages of lists: how many rows, and an opaque cursor for the row they go on after."""

import base64
import binascii
from typing import Annotated, Any

import msgspec
from litestar.params import QueryParameter

from eventorg.domain.errors import FieldError, Invalid

Limit = Annotated[int, QueryParameter(ge=1, le=1000, description="So many at most.")]
Cursor = Annotated[str | None, QueryParameter(description="The `next` of the page before.")]


def encode_cursor(place: object) -> str:
    """A place in a list as a cursor."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def decode_cursor(cursor: str | None, kind: Any) -> Any:
    """The place a cursor stands for, of the type `kind`; None without one. Raises `Invalid` if it is not ours."""
    if cursor is None:
        return None
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        return msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=kind)
    except (UnicodeEncodeError, UnicodeDecodeError, binascii.Error, msgspec.DecodeError):
        raise Invalid(FieldError("cursor", "cursor_invalid")) from None
