"""Answers to an invitation to an event: going, maybe, or declined."""

from typing import Annotated, ClassVar, Final, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from eventorg.domain.cards import CardEtag
from eventorg.domain.errors import FieldError, Invalid
from eventorg.domain.fields import AsOf, EventId, Next, UserId
from eventorg.domain.parties import GuestNames, Guests, PartyPatch
from eventorg.domain.registrations import Registration
from eventorg.domain.users import Expanded
from eventorg.domain.values import ABSENT, Capacity, Input, JSONOf, instant

StoredAnswer = Literal["maybe", "declined"]
Answer = Literal["going", StoredAnswer]
"""`going` is the registration itself, and only the other two are stored, so that the two never disagree."""

GivenAnswer = Annotated[
    Answer,
    Meta(
        description="`going`: registered, waiting, pending, or attended. `maybe` and `declined` take no seat.",
        examples=["going"],
    ),
]
AnsweredAt = Annotated[str, instant("The time of the answer, in UTC. For `going`, the time of the registration.")]
_PARTY_FIELDS: Final = PartyPatch.__struct_fields__


class NewRsvp(Input):
    """An answer. Only `going` has guests: without `guests`, the party stays."""

    example: ClassVar[dict[str, object]] = {"answer": "going", "guests": 1}

    answer: GivenAnswer
    guests: Guests | UnsetType = UNSET
    guest_names: GuestNames | UnsetType = UNSET

    def clean(self) -> None:
        super().clean()
        if self.answer != "going" and (given := [name for name in _PARTY_FIELDS if getattr(self, name) is not UNSET]):
            raise Invalid(*(FieldError(name, "guests_without_going") for name in given))

    @property
    def party(self) -> PartyPatch:
        """The change of the party."""
        return PartyPatch(guests=self.guests, guest_names=self.guest_names)


class RsvpStep(Input):
    """One guest more, or one less."""

    guests_delta: Annotated[
        Literal[1, -1],
        Meta(description="`1`: one guest more, or the caller with one guest. `-1`: one guest less.", examples=[1]),
    ]


class AnswerCounts(Struct, kw_only=True, frozen=True):
    """The counters of an event."""

    registered: Annotated[int, Meta(description="Seats taken, the event's `registered_count`.", examples=[12])]
    waitlisted: Annotated[
        int, Meta(description="People on the waiting list, the event's `waitlisted_count`.", examples=[0])
    ]
    maybe: Annotated[int, Meta(description="People who answered `maybe`.", examples=[3])]
    declined: Annotated[int, Meta(description="People who answered `declined`.", examples=[1])]
    capacity: Capacity | None


class Rsvp(Struct, kw_only=True, frozen=True):
    """A user's answer to an event, with what a bot needs to answer a tap."""

    event_id: EventId
    user_id: UserId
    answer: Annotated[GivenAnswer | None, Meta(description="The answer. `null`: none.")]
    answered_at: AnsweredAt | None
    registration: Annotated[
        Registration | None, Meta(description="The registration. `null` unless the answer is `going`.")
    ]
    counts: Annotated[AnswerCounts, Meta(description="The counters of the event after this request.")]
    card_etag: CardEtag

    @property
    def version(self) -> str:
        """Changes whenever the answer or the party changes. `ABSENT` without an answer."""
        if self.registration is not None:
            return self.registration.version
        return f"{self.answer}:{self.answered_at}".replace("-", "") if self.answer else ABSENT


class ListedAnswer(Struct, kw_only=True, frozen=True):
    """A user's answer in a list."""

    user_id: UserId
    answer: GivenAnswer
    answered_at: AnsweredAt
    user: Expanded = UNSET


class RsvpPage(Struct, kw_only=True, frozen=True):
    """A page of answers to an event."""

    event_id: EventId
    rsvps: Annotated[Raw, JSONOf(list[ListedAnswer]), Meta(description="The answers of this page.")]
    next: Next
    as_of: AsOf


class KeptAnswer(Struct, kw_only=True, frozen=True):
    """A stored answer of a user. The answer `going` is a registration."""

    event_id: EventId
    answer: Annotated[StoredAnswer, Meta(description="`maybe` or `declined`.", examples=["maybe"])]
    answered_at: AnsweredAt
