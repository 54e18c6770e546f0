"""Parties: a participant, and the guests whom the participant brings along."""

from typing import Annotated, Self

from msgspec import UNSET, Meta, Struct, UnsetType

from eventorg.domain.errors import FieldError, Invalid
from eventorg.domain.events import MAX_GUESTS
from eventorg.domain.values import Input, number, text

Guests = Annotated[int, number(0, MAX_GUESTS, "The number of guests whom the participant brings along.", 1)]
GuestNames = Annotated[
    list[Annotated[str, text(1, 100, example="Борис")]],
    Meta(description="The names of guests. There can be fewer names than guests.", examples=[["Борис"]]),
]


class PartyPatch(Input):
    """A change of a party. An omitted field stays, but names that are too many for the guests go."""

    guests: Guests | UnsetType = UNSET
    guest_names: GuestNames | UnsetType = UNSET

    @property
    def is_empty(self) -> bool:
        """True if the patch changes nothing."""
        return self.guests is UNSET and self.guest_names is UNSET


class Party(Struct, frozen=True):
    """The guests of a participant."""

    guests: int = 0
    guest_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.guest_names) > self.guests:
            raise Invalid(FieldError("guest_names", "too_many_names", {"maximum": self.guests}))

    @property
    def people(self) -> int:
        """The number of people, which is the number of seats that they take."""
        return 1 + self.guests

    def changed(self, patch: PartyPatch) -> Self:
        """Returns the party after a change. Raises `Invalid` if there are more names than guests."""
        guests = self.guests if patch.guests is UNSET else patch.guests
        names = self.guest_names[:guests] if patch.guest_names is UNSET else tuple(patch.guest_names)
        return type(self)(guests, names)


ALONE = Party()
