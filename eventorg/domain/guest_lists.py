"""What hosts do with the participants of their events: add, change, and remove them."""

from typing import Annotated, Any, ClassVar, Final, Literal

from msgspec import UNSET, Meta, UnsetType, field

from eventorg.domain.errors import FieldError, Invalid
from eventorg.domain.fields import FirstName, LastName, UserId
from eventorg.domain.parties import GuestNames, Guests, Party, PartyPatch
from eventorg.domain.values import Input, Refused, rule

MAX_BY_NAME: Final = 1_000
"""The number of people without an account that an event can have."""


def _only_true(value: bool) -> bool:
    if not value:
        raise Refused("invalid_choice")
    return value


class ParticipantPatch(PartyPatch):
    """A change of a participant by a host. An omitted field stays."""

    example: ClassVar[dict[str, Any] | None] = {"status": "attended"}

    status: (
        Annotated[
            Literal["attended", "registered"],
            Meta(
                description="`attended` checks the participant in. `registered` undoes it, or gives seats to somebody "
                "who waits.",
                examples=["attended"],
            ),
        ]
        | UnsetType
    ) = UNSET
    approved: (
        Annotated[
            bool,
            rule(
                _only_true,
                enum=[True],
                description="`true` approves somebody who waits for approval. It cannot be taken back.",
                examples=[True],
            ),
        ]
        | UnsetType
    ) = UNSET
    raise_capacity: Annotated[
        bool,
        Meta(
            description="If true, and this change needs more seats than are free, the event's capacity is raised by "
            "the missing ones.",
            examples=[False],
        ),
    ] = False

    @property
    def changes_party(self) -> bool:
        """True if the patch has guests or their names."""
        return not super().is_empty

    @property
    def is_empty(self) -> bool:
        """True if the patch changes nothing."""
        return not self.changes_party and self.status is UNSET and self.approved is UNSET


class NewParticipant(Input):
    """Somebody whom a host adds: a user, or a person without an account, by name."""

    example: ClassVar[dict[str, Any] | None] = {"first_name": "Борис", "guests": 1}

    user_id: UserId | None = None
    first_name: FirstName | None = None
    last_name: LastName | None = None
    guests: Guests = 0
    guest_names: GuestNames = field(default_factory=list)

    def clean(self) -> None:
        super().clean()
        has_name = self.first_name is not None or self.last_name is not None
        if (self.user_id is None) != has_name:
            raise Invalid(FieldError("user_id", "user_or_name"))
        if has_name and self.first_name is None:
            raise Invalid(FieldError("first_name", "required"))
        _ = self.party

    @property
    def party(self) -> Party:
        """The guests. Raises `Invalid` if there are more names than guests."""
        return Party(self.guests, tuple(self.guest_names))
