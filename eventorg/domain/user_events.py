"""The events of a user: those that the user hosts, and those that the user has registered for."""

from typing import Annotated

from msgspec import Meta, Struct, field

from eventorg.domain.events import Code, EventStatus, Role
from eventorg.domain.fields import AsOf, EventId, Next, StartInstant
from eventorg.domain.registrations import Standing
from eventorg.domain.values import Input, Time, Title


class OrganizedEvent(Struct, kw_only=True, frozen=True):
    """An event that the user hosts, in short."""

    id: EventId
    code: Code
    title: Title
    start_time: StartInstant


class ParticipatedEvent(Struct, kw_only=True, frozen=True):
    """An event that the user has registered for, in short."""

    id: EventId
    code: Code
    title: Title
    start_time: StartInstant
    status: Standing


class UserEvents(Struct, kw_only=True, frozen=True):
    """The events that a user hosts, and those that the user has registered for."""

    organized_events: Annotated[list[OrganizedEvent], Meta(description="Events that the user hosts, by start time.")]
    participated_events: Annotated[
        list[ParticipatedEvent], Meta(description="Events that the user attends or waits for, by start time.")
    ]
    as_of: AsOf


class UserEvent(Struct, kw_only=True, frozen=True):
    """An event of a user, in short."""

    id: EventId
    code: Code
    title: Title
    start_time: StartInstant
    role: Annotated[
        Role, Meta(description="The role of the user. A host who participates is a host.", examples=["participant"])
    ]
    status: Annotated[
        Standing | None, Meta(description="The status of the user's registration. `null` for a host who has none.")
    ]
    event_status: EventStatus


class UserEventPage(Struct, kw_only=True, frozen=True):
    """A page of a user's events by start time."""

    events: Annotated[list[UserEvent], Meta(description="The events of this page, also cancelled ones.")]
    next: Next
    as_of: AsOf


class UserEventQuery(Input):
    """The filters of a list of a user's events: start in [`start_from`, `start_to`), and the role."""

    start_from: Time | None = field(name="from", default=None)
    start_to: Time | None = field(name="to", default=None)
    role: Role | None = None
