"""Parameters of lists: a limit, an opaque cursor for the place where the next page starts, and `expand`."""

import base64
import binascii
from typing import Annotated, Any, Literal

import msgspec
from litestar.params import QueryParameter

from eventorg.domain.errors import FieldError, Invalid

Limit = Annotated[int, QueryParameter(ge=1, le=1000, description="Maximum number of results.")]
LimitOrAll = Annotated[
    int | None, QueryParameter(ge=1, le=1000, description="Maximum number of results. Default: all.")
]
Cursor = Annotated[str | None, QueryParameter(description="The `next` of the previous page.")]

Expand = Annotated[
    Literal["user"] | None,
    QueryParameter(description="`user`: each entry has a `user` with the user's names."),
]


def encode_cursor(place: object) -> str:
    """Returns a cursor for a place in a list."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def decode_cursor(cursor: str | None, kind: Any) -> Any:
    """Returns the place of a cursor as the type `kind`, or None without a cursor. Raises `Invalid`."""
    if cursor is None:
        return None
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        return msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=kind)
    except (UnicodeEncodeError, UnicodeDecodeError, binascii.Error, msgspec.DecodeError):
        raise Invalid(FieldError("cursor", "cursor_invalid")) from None
