"""Events: their structs and the rules about visibility, changes and registration."""

from typing import Annotated, Literal

from msgspec import UNSET, Struct, UnsetType, field

from eventorg.domain.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from eventorg.domain.values import (
    Capacity,
    Description,
    EndTime,
    Id,
    Input,
    Instant,
    Location,
    Time,
    Timezone,
    Title,
    text,
)

Status = Literal["draft", "published", "cancelled"]
Visibility = Literal["public", "unlisted", "private"]
Role = Literal["organizer", "host", "participant"]
"""The role of a viewer at an event. Null for somebody without a role."""


class Event(Struct, kw_only=True, frozen=True):
    """An event as the API returns it. `registered_count` counts taken seats (registered or attended)."""

    id: Id
    code: str
    title: Title
    description: Description | None
    start_time: Instant
    end_time: Instant
    location: Location | None
    organizer_id: Id
    created_at: Instant
    updated_at: Instant
    timezone: Timezone
    capacity: Capacity | None
    waitlist: bool
    status: Status
    visibility: Visibility
    registered_count: int
    waitlisted_count: int
    version: int


class NewEvent(Input):
    """A new event. The caller becomes the organizer."""

    title: Title
    start_time: Time
    end_time: EndTime
    description: Description | None = None
    location: Location | None = None
    organizer_id: Id | None = None
    timezone: Timezone = "UTC"
    capacity: Capacity | None = None
    waitlist: bool = True
    status: Literal["draft", "published"] = "published"
    visibility: Visibility = "public"

    def clean(self) -> None:
        super().clean()
        check_times(self.start_time, self.end_time)


class EventPatch(Input):
    """A change to an event. A field left out stays; null clears a description, a location or the capacity."""

    title: Title | UnsetType = UNSET
    start_time: Time | UnsetType = UNSET
    end_time: EndTime | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    location: Location | UnsetType | None = UNSET
    timezone: Timezone | UnsetType = UNSET
    capacity: Capacity | UnsetType | None = UNSET
    waitlist: bool | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    visibility: Visibility | UnsetType = UNSET


class NewHost(Input):
    """A user who becomes a co-host."""

    user_id: Id


class Host(Struct, kw_only=True, frozen=True):
    """An organizer or a co-host of an event."""

    user_id: Id
    role: Literal["organizer", "host"]
    since: Instant

    @property
    def version(self) -> str:
        """The version that an entity tag shows."""
        return "".join(filter(str.isalnum, self.since))


class Hosts(Struct, kw_only=True, frozen=True):
    """The organizer of an event, then its co-hosts in the order they were added."""

    event_id: Id
    hosts: list[Host]
    as_of: int


class EventQuery(Input):
    """The filters of a list of events: start in [`start_from`, `start_to`), text `q`, and so on."""

    start_from: Time | None = field(name="from", default=None)
    start_to: Time | None = field(name="to", default=None)
    q: Annotated[str, text(0, 200, example="встреча")] | None = None
    organizer_id: str | None = None
    status: Status | None = None


class EventPage(Struct, kw_only=True, frozen=True):
    """A page of events by start time. `next` continues the list.

    `as_of` is the number of the last change when the page was read. To follow the list, continue with
    `GET /changes?after=<as_of of the first page>`.
    """

    events: list[Event]
    next: str | None
    as_of: int


def check_times(start: Instant, end: Instant) -> None:
    """Raises `Invalid` unless the event ends after it starts."""
    if end <= start:
        raise Invalid(FieldError("end_time", "end_before_start"))


def is_hidden(event: Event) -> bool:
    """Returns true if only hosts and participants may see the event: a draft or a private one."""
    return event.status == "draft" or event.visibility == "private"


def check_visible(event: Event, role: Role | None, *, has_left: bool = False) -> None:
    """Raises `NotFound` if the event is hidden, unless the viewer has a role or left the event without being
    removed."""
    if role is None and not has_left and is_hidden(event):
        raise NotFound("event_not_found")


def check_host(role: Role | None) -> None:
    """Raises `Forbidden` unless the role is organizer or co-host."""
    if role not in ("organizer", "host"):
        raise Forbidden()


def check_organizer(role: Role | None) -> None:
    """Raises `Forbidden` unless the role is organizer."""
    if role != "organizer":
        raise Forbidden()


MAX_PENDING_HOSTS = 100
MAX_PENDING_OF_ONE_HOST = 20
PENDING_HOSTS_DAYS = 30


def check_pending_hosts(of_all: int, of_user: int) -> None:
    """Raises `Conflict` if an organizer has given too many roles, in all or to one user, to people who have not acted
    as co-host of any of its events within `PENDING_HOSTS_DAYS`."""
    if of_all >= MAX_PENDING_HOSTS or of_user >= MAX_PENDING_OF_ONE_HOST:
        raise Conflict("too_many_pending_hosts")


def check_open(event: Event, now: Instant) -> None:
    """Raises `Conflict` unless the event is published and not over."""
    if event.status == "cancelled":
        raise Conflict("event_cancelled")
    if event.status == "draft":
        raise Conflict("event_not_open")
    if event.end_time <= now:
        raise Conflict("event_over")


def check_draft(before: Event, after: Event) -> None:
    """Raises `Conflict` if an event with registrations becomes a draft."""
    if after.status == "draft" and before.registered_count + before.waitlisted_count:
        raise Conflict("event_has_participants")
