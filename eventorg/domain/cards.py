"""Cards: an event as a chat message shows it."""

from hashlib import blake2b
from typing import Annotated, Final

from msgspec import Meta, Struct

from eventorg.domain.events import Event

CARD_FIELDS: Final = frozenset(
    (
        "title",
        "description",
        "start_time",
        "end_time",
        "location",
        "timezone",
        "capacity",
        "status",
        "registration_opens_at",
        "registration_closes_at",
        "participants_visibility",
    )
)
"""The fields of an event that its card shows, or that decide what the card shows."""

CardEtag = Annotated[
    str,
    Meta(
        description="An opaque value that changes whenever the card of the event changes, in whatever language and "
        "length you ask for it. Only a person's new name does not change it.",
        examples=["5d41402abc4b2a76b9719d91"],
    ),
]


class ParticipantCounts(Struct, kw_only=True, frozen=True):
    """The number of people by status, with their guests, and the number of answers."""

    registered: Annotated[int, Meta(description="People who are registered and not checked in.", examples=[12])]
    waitlisted: Annotated[int, Meta(description="People on the waiting list.", examples=[0])]
    attended: Annotated[int, Meta(description="People who are checked in.", examples=[0])]
    cancelled: Annotated[int, Meta(description="People who have left or were removed.", examples=[1])]
    guests: Annotated[int, Meta(description="Guests among the people who have a seat.", examples=[2])]
    pending: Annotated[int, Meta(description="People who wait for a host's approval.", examples=[0])]
    maybe: Annotated[int, Meta(description="People who answered `maybe`.", examples=[3])]
    declined: Annotated[int, Meta(description="People who answered `declined`.", examples=[1])]


class NamedParty(Struct, frozen=True):
    """A participant with a seat, by name, and the number of guests."""

    name: str
    guests: int = 0


class CardData(Struct, frozen=True):
    """An event with its counts and the first parties that have seats."""

    event: Event
    etag: str
    counts: ParticipantCounts
    parties: list[NamedParty]


def card_etag(event_id: str, card_version: int) -> str:
    """Returns the value that stands for the state of an event's card."""
    return blake2b(f"{event_id}:{card_version}".encode(), digest_size=12).hexdigest()
