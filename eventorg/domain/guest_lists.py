"""The changes that hosts make to the participants of their events."""

from typing import Annotated, Any, ClassVar, Literal

from msgspec import UNSET, Meta, UnsetType

from eventorg.domain.parties import PartyPatch
from eventorg.domain.values import Refused, rule


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
