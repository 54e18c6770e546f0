"""Invitations: codes that let people come to an event, also to a private one, and without a host's approval."""

import secrets
from typing import Annotated, Final

from msgspec import Meta, Struct, field

from eventorg.domain.errors import FieldError, Invalid
from eventorg.domain.fields import AsOf, CreatedAt, EventId, Next
from eventorg.domain.parties import GuestNames, Guests, Party
from eventorg.domain.rsvps import StoredAnswer
from eventorg.domain.values import BASE58, Input, Instant, identifier, instant, moment, number

CODE_LENGTH: Final = 22
"""128 bits, so that nobody guesses a code. It fits into a Telegram deep link (64 characters)."""
MAX_USES: Final = 1_000_000_000


class NewInvitation(Input):
    """A new invitation. Without limits, everyone can use it until a host revokes it."""

    expires_at: (
        Annotated[
            str,
            moment(
                "The time from which the code no longer works: an RFC 3339 time with an offset. `null`: never.",
                "2027-09-14T18:00:00+03:00",
            ),
        ]
        | None
    ) = None
    max_uses: Annotated[int, number(1, MAX_USES, "The number of people who can use the code. `null`: no limit.", 1)] | (
        None
    ) = None


class Invitation(Struct, kw_only=True, frozen=True):
    """An invitation to an event."""

    id: Annotated[str, identifier("The invitation's ID.", "3c7f2e9a-5b1d-4c8e-9f6a-7d0b2e4c6a81")]
    code: Annotated[
        str,
        Meta(description="The code: 22 characters that nobody can guess.", examples=["8fKq2mWxKpA3vRt9LhYc4D"]),
    ]
    event_id: EventId
    uses: Annotated[int, Meta(description="The number of times that the code was used.", examples=[0])]
    max_uses: Annotated[
        int | None, Meta(description="The number of people who can use the code. `null`: no limit.", examples=[1])
    ]
    expires_at: Annotated[str | None, instant("The time from which the code no longer works, in UTC. `null`: never.")]
    created_at: CreatedAt

    @property
    def version(self) -> str:
        """The version that an entity tag shows. Nobody edits an invitation, so it is the time of creation."""
        return "".join(filter(str.isalnum, self.created_at))

    @property
    def is_used_up(self) -> bool:
        """True if nobody else can use the code."""
        return self.max_uses is not None and self.uses >= self.max_uses

    def has_expired(self, now: Instant) -> bool:
        """Returns true from `expires_at` on."""
        return self.expires_at is not None and self.expires_at <= now


class InvitationPage(Struct, kw_only=True, frozen=True):
    """A page of the invitations of an event in the order in which they were created."""

    event_id: EventId
    invitations: Annotated[list[Invitation], Meta(description="The invitations of this page, also expired ones.")]
    next: Next
    as_of: AsOf


class Acceptance(Input):
    """A reply to an invitation: a registration with guests, or an answer instead of it."""

    guests: Guests = 0
    guest_names: GuestNames = field(default_factory=list)
    answer: (
        Annotated[StoredAnswer, Meta(description="An answer instead of a registration. It allows no guests.")] | None
    ) = None

    def clean(self) -> None:
        super().clean()
        _ = self.party
        if self.answer is not None and self.guests:
            raise Invalid(FieldError("guests", "guests_without_going", {"maximum": 0}))

    @property
    def party(self) -> Party:
        """The guests. Raises `Invalid` if there are more names than guests."""
        return Party(self.guests, tuple(self.guest_names))


def new_code() -> str:
    """Returns a new code."""
    return "".join(secrets.choice(BASE58) for _ in range(CODE_LENGTH))
