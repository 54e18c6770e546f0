"""Events: their fields, and the rules of who may see and change them."""

from typing import Annotated, Any, ClassVar, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from eventorg.domain.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from eventorg.domain.fields import (
    AsOf,
    CallerId,
    CreatedAt,
    EndInstant,
    EventId,
    Next,
    OrganizerId,
    StartInstant,
    UpdatedAt,
    UserId,
)
from eventorg.domain.values import (
    Capacity,
    Description,
    EndTime,
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

Code = Annotated[str, Meta(description="A short code, accepted in place of the event's id.", examples=["7Hq2mWxKpA"])]
Waitlist = Annotated[
    bool,
    Meta(
        description="If true, people who register for a full event go to the waiting list. If false, they get 409 "
        "`event_full`.",
        examples=[True],
    ),
]
EventStatus = Annotated[
    Status,
    Meta(
        description="`draft`: only hosts see it. `published`: people can register. `cancelled`: nobody can register.",
        examples=["published"],
    ),
]
EventVisibility = Annotated[
    Visibility,
    Meta(
        description="`public`: listed for everyone. `unlisted`: for people who know the id or code. `private`: for "
        "hosts and participants.",
        examples=["public"],
    ),
]


class Event(Struct, kw_only=True, frozen=True):
    """An event."""

    id: EventId
    code: Code
    title: Title
    description: Description | None
    start_time: StartInstant
    end_time: EndInstant
    location: Location | None
    organizer_id: OrganizerId
    created_at: CreatedAt
    updated_at: UpdatedAt
    timezone: Timezone
    capacity: Capacity | None
    waitlist: Waitlist
    status: EventStatus
    visibility: EventVisibility
    registered_count: Annotated[int, Meta(description="Seats taken: registered or attended.", examples=[12])]
    waitlisted_count: Annotated[int, Meta(description="Registrations on the waiting list.", examples=[0])]
    version: Annotated[int, Meta(description="The number of edits, as in the `ETag`.", examples=[1])]


class NewEvent(Input):
    """A new event. The organizer is the caller."""

    title: Title
    start_time: Time
    end_time: EndTime
    description: Description | None = None
    location: Location | None = None
    organizer_id: CallerId | None = None
    timezone: Timezone = "UTC"
    capacity: Capacity | None = None
    waitlist: Waitlist = True
    status: Annotated[Literal["draft", "published"], Meta(description="A draft is visible only to its hosts.")] = (
        "published"
    )
    visibility: EventVisibility = "public"

    def clean(self) -> None:
        super().clean()
        check_times(self.start_time, self.end_time)


class EventPatch(Input):
    """Changes to an event. Omitted fields stay. `null` clears the description, the location or the capacity."""

    example: ClassVar[dict[str, Any]] = {"title": "Встреча выпускников", "capacity": 40}

    title: Title | UnsetType = UNSET
    start_time: Time | UnsetType = UNSET
    end_time: EndTime | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    location: Location | UnsetType | None = UNSET
    timezone: Timezone | UnsetType = UNSET
    capacity: Capacity | UnsetType | None = UNSET
    waitlist: Waitlist | UnsetType = UNSET
    status: EventStatus | UnsetType = UNSET
    visibility: EventVisibility | UnsetType = UNSET


class NewHost(Input):
    """A new co-host."""

    user_id: UserId


class Host(Struct, kw_only=True, frozen=True):
    """A host of an event."""

    user_id: UserId
    role: Annotated[Literal["organizer", "host"], Meta(description="`host` is a co-host.", examples=["organizer"])]
    since: Annotated[Instant, Meta(description="The time from which the user is a host, in UTC.")]

    @property
    def version(self) -> str:
        """The version that an entity tag shows."""
        return "".join(filter(str.isalnum, self.since))


class Hosts(Struct, kw_only=True, frozen=True):
    """The organizer of an event, then its co-hosts in the order in which they were added."""

    event_id: EventId
    hosts: Annotated[list[Host], Meta(description="The organizer first.")]
    as_of: AsOf


class EventQuery(Input):
    """The filters of a list of events: start in [`start_from`, `start_to`), text `q`, and so on."""

    start_from: Time | None = field(name="from", default=None)
    start_to: Time | None = field(name="to", default=None)
    q: Annotated[str, text(0, 200, example="встреча")] | None = None
    organizer_id: str | None = None
    status: Status | None = None


class EventPage(Struct, kw_only=True, frozen=True):
    """A page of events by start time."""

    events: Annotated[list[Event], Meta(description="The events of this page.")]
    next: Next
    as_of: AsOf


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


STORED_PER_LIVE = 10
"""How many times as many events a user can have if the others are over or cancelled: texts take space on the disk."""
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
