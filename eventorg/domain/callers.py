"""Who asks: passed from the edge into every use case, and written into the change log."""

from msgspec import Struct


class Caller(Struct, frozen=True):
    """The user a request is done as."""

    user_id: str
