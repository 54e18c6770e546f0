"""Facts in the past tense: the rows of the change log, and the feed for the API and for plugins."""

from collections.abc import Iterable
from typing import Annotated, Final, Literal, TypedDict, get_args

from msgspec import Meta, Struct

from eventorg.domain.callers import Caller
from eventorg.domain.fields import EventId
from eventorg.domain.registrations import Place, RegistrationStatus
from eventorg.domain.rsvps import Answer
from eventorg.domain.values import identifier, instant

ChangeType = Literal[
    "user.created",
    "user.updated",
    "user.deleted",
    "event.created",
    "event.updated",
    "event.cancelled",
    "event.deleted",
    "registration.created",
    "registration.promoted",
    "registration.cancelled",
    "registration.attended",
    "registration.updated",
    "rsvp.updated",
]

Actor = Literal["self", "host", "operator", "system"]
"""The author of a change of a registration. `system`: a promotion from the waiting list, or a merge of two accounts."""

Audience = Literal["event", "user", "hosts"]
"""Whom a change concerns: the audience of its event and its user, its user alone, or its user and the event's hosts."""

OwnActor = Literal["self", "system"]
"""The actor of an act that only the user, or the system for the user, does."""

ALL_CHANGES: Final = "*"
"""The audience of a reader who sees every change. No ID looks like it."""


class ChangeData(TypedDict, total=False):
    """Names the parts that a change changed. It contains no personal data."""

    changed: Annotated[
        list[str],
        Meta(
            description="The names of the fields that changed. For a user also `email_verified`, `password` and "
            "`telegram`, for an event also `hosts` and `organizer_id`.",
            examples=[["title", "start_time"]],
        ),
    ]
    status: Annotated[RegistrationStatus, Meta(description="The status of the registration.", examples=["registered"])]
    previous_status: Annotated[
        RegistrationStatus | None,
        Meta(description="The status before. `null` for someone who was never registered for the event."),
    ]
    guests: Annotated[int, Meta(description="The number of people whom the person brings along.", examples=[0])]
    by: Annotated[
        Actor,
        Meta(
            description="Whose act it was. `system`: a promotion from the waiting list, or a merge of two accounts.",
            examples=["self"],
        ),
    ]
    answer: Annotated[
        Answer | None, Meta(description="The answer. `null` for an answer that was withdrawn.", examples=["maybe"])
    ]
    previous_answer: Annotated[Answer | None, Meta(description="The answer before. `null`: none.", examples=["going"])]
    copied_from: Annotated[
        str,
        Meta(
            description="The id of the event that a new event is a copy of.",
            examples=["0b9fdc1e-7f5c-4a55-9f0e-3c1d5d3a6f11"],
        ),
    ]


class NewChange(Struct, frozen=True):
    """A change to record, by IDs only: the log contains no personal data."""

    type: str
    event_id: str | None = None
    user_id: str | None = None
    data: ChangeData | None = None
    audience: Audience = "event"


class Change(Struct, frozen=True):
    """A committed change."""

    seq: Annotated[int, Meta(description="The number of the change. It grows in commit order.", examples=[17])]
    at: Annotated[str, instant("The time of the change, in UTC.")]
    type: Annotated[
        str,
        Meta(
            description=f"The type of the change: {', '.join(f'`{name}`' for name in get_args(ChangeType))}, or "
            "`<plugin>.<name>` for a fact of a plugin.",
            examples=["registration.created"],
        ),
    ]
    event_id: EventId | None
    user_id: (
        Annotated[
            str,
            identifier("The ID of the user that the change is about.", "5a2e7c4d-91b3-4f0e-8c6d-2b7f4a1e9d30"),
        ]
        | None
    )
    data: Annotated[
        ChangeData | None,
        Meta(
            description="The names of the fields that an update changed, the event that a new one is a copy of, or the "
            "status of a registration before and after, and whose act it was. Null for other changes, and for changes "
            "from before version 0.2."
        ),
    ] = None


class ChangePage(Struct, frozen=True):
    """A page of changes in commit order."""

    changes: Annotated[list[Change], Meta(description="The changes after `after`.")]
    next: Annotated[int, Meta(description="The value of `after` for the next page.", examples=[17])]


class Fact(Change, frozen=True, kw_only=True):
    """A change as plugins receive it: each type of the core has its own class."""

    audience: Audience = "event"
    """Whom `GET /changes` tells. `event`: everybody who follows the event. `user`: only the user. `hosts`: the event's
    hosts, and the user."""


class UserCreated(Fact, frozen=True, kw_only=True):
    """A user signed up, or a bot created a Telegram user (`user_id`)."""


class UserUpdated(Fact, frozen=True, kw_only=True):
    """A user changed the profile, the password or the Telegram account (`user_id`)."""


class UserDeleted(Fact, frozen=True, kw_only=True):
    """A user was deleted with all its data (`user_id`)."""


class EventCreated(Fact, frozen=True, kw_only=True):
    """An event was created, possibly as a draft (`event_id`)."""


class EventUpdated(Fact, frozen=True, kw_only=True):
    """An event was changed (`event_id`), or a user's role in it (`user_id` too)."""


class EventCancelled(Fact, frozen=True, kw_only=True):
    """An event was cancelled (`event_id`)."""


class EventDeleted(Fact, frozen=True, kw_only=True):
    """An event was deleted with its registrations (`event_id`)."""


class RegistrationCreated(Fact, frozen=True, kw_only=True):
    """A user registered for an event, for a seat or the waiting list (`event_id`, `user_id`)."""


class RegistrationPromoted(Fact, frozen=True, kw_only=True):
    """A user moved from the waiting list to a seat (`event_id`, `user_id`)."""


class RegistrationCancelled(Fact, frozen=True, kw_only=True):
    """A user left an event, or was removed (`event_id`, `user_id`)."""


class RegistrationAttended(Fact, frozen=True, kw_only=True):
    """A user was checked in (`event_id`, `user_id`)."""


class RegistrationUpdated(Fact, frozen=True, kw_only=True):
    """A check-in was undone, or a registration changed in another way that is not one of the above (`event_id`,
    `user_id`)."""


class AnswerUpdated(Fact, frozen=True, kw_only=True):
    """A user answered differently, or withdrew an answer (`event_id`, `user_id`)."""


FACTS: Final[dict[str, type[Fact]]] = {
    "user.created": UserCreated,
    "user.updated": UserUpdated,
    "user.deleted": UserDeleted,
    "event.created": EventCreated,
    "event.updated": EventUpdated,
    "event.cancelled": EventCancelled,
    "event.deleted": EventDeleted,
    "registration.created": RegistrationCreated,
    "registration.promoted": RegistrationPromoted,
    "registration.cancelled": RegistrationCancelled,
    "registration.attended": RegistrationAttended,
    "registration.updated": RegistrationUpdated,
    "rsvp.updated": AnswerUpdated,
}


def field_names(names: Iterable[str]) -> ChangeData:
    """Returns the data of an update of these fields."""
    return {"changed": list(names)}


def copied_from(event_id: str) -> ChangeData:
    """Returns the data of the creation of a copy."""
    return {"copied_from": event_id}


def registration_step(place: Place, previous: RegistrationStatus | None, by: Actor) -> ChangeData:
    """Returns the data of a change of a registration."""
    return {"status": place.status, "previous_status": previous, "guests": place.guests, "by": by}


def answer_step(answer: Answer | None, previous: Answer | None) -> ChangeData:
    """Returns the data of a change of an answer."""
    return {"answer": answer, "previous_answer": previous}


def actor_for(user_id: str, by: Caller) -> Actor:
    """Returns whose act it is if the caller changes this user's registration."""
    if by.is_operator:
        return "operator"
    return "self" if by.user_id == user_id else "host"
