"""Blocks: the people who cannot register for the events of a host."""

from typing import Annotated

from msgspec import Meta, Struct

from eventorg.domain.errors import FieldError, Invalid
from eventorg.domain.fields import AsOf, Next, UserId
from eventorg.domain.values import instant


class Block(Struct, kw_only=True, frozen=True):
    """Somebody whom the caller blocks."""

    user_id: UserId
    created_at: Annotated[str, instant("The time from which the user is blocked, in UTC.")]

    @property
    def version(self) -> str:
        """The version that an entity tag shows."""
        return "".join(filter(str.isalnum, self.created_at))


class BlockPage(Struct, kw_only=True, frozen=True):
    """A page of the people whom the caller blocks."""

    blocks: Annotated[list[Block], Meta(description="The blocked users of this page, by id.")]
    next: Next
    as_of: AsOf


def check_other(user_id: str, caller_id: str) -> None:
    """Raises `Invalid` if users block themselves."""
    if user_id == caller_id:
        raise Invalid(FieldError("user_id", "is_caller"))
