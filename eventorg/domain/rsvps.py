"""Answers to an invitation to an event: going, maybe, or declined."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from eventorg.domain.fields import EventId, UserId
from eventorg.domain.registrations import Registration
from eventorg.domain.values import Capacity, instant

StoredAnswer = Literal["maybe", "declined"]
Answer = Literal["going", StoredAnswer]
"""`going` is the registration itself, and only the other two are stored, so that the two never disagree."""


class RsvpCounts(Struct, kw_only=True, frozen=True):
    """The counters of an event."""

    registered: Annotated[int, Meta(description="People who have a seat, with their guests.", examples=[12])]
    waitlisted: Annotated[int, Meta(description="People on the waiting list, with their guests.", examples=[0])]
    maybe: Annotated[int, Meta(description="People who answered `maybe`.", examples=[3])]
    declined: Annotated[int, Meta(description="People who answered `declined`.", examples=[1])]
    capacity: Capacity | None


class Rsvp(Struct, kw_only=True, frozen=True):
    """A user's answer, with everything that a bot shows after a tap."""

    event_id: EventId
    user_id: UserId
    answer: Annotated[Answer | None, Meta(description="The answer. `null`: none.", examples=["maybe"])]
    answered_at: Annotated[str | None, instant("The time of the answer, in UTC. `null`: none.")]
    registration: Annotated[Registration | None, Meta(description="The registration of somebody who is going.")]
    counts: Annotated[RsvpCounts, Meta(description="The counters of the event after the answer.")]
    card_etag: Annotated[
        str,
        Meta(description="Changes with everything that the event's card can show.", examples=["17"]),
    ]
