"""Events: their fields, and the rules of who may see and change them."""

from typing import Annotated, Any, ClassVar, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from eventorg.domain.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from eventorg.domain.fields import (
    AsOf,
    CallerId,
    ClosesAt,
    ClosesAtTime,
    CreatedAt,
    EndInstant,
    EventId,
    Next,
    OpensAt,
    OpensAtTime,
    OrganizerId,
    StartInstant,
    UpdatedAt,
)
from eventorg.domain.metadata import Key, Metadata, MetadataPatch, Value, check_filters, merged
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
    number,
    text,
)

Status = Literal["draft", "published", "cancelled"]
Visibility = Literal["public", "unlisted", "private"]
Role = Literal["organizer", "host", "participant"]
"""The role of a viewer at an event. Null for somebody without a role."""

MAX_GUESTS: Final = 20
"""The number of guests that one participant can have, also if a host adds the participant."""
STORED_PER_LIVE = 10
"""How many times as many events a user can have if the others are over or cancelled: texts take space on the disk."""

Code = Annotated[str, Meta(description="A short code, accepted in place of the event's id.", examples=["7Hq2mWxKpA"])]
Waitlist = Annotated[
    bool,
    Meta(
        description="If true, people who register for a full event go to the waiting list. If false, they get 409 "
        "`event_full`.",
        examples=[True],
    ),
]
MaxGuests = Annotated[int, number(0, MAX_GUESTS, "The number of guests that a participant can bring along.", 2)]
ApprovalRequired = Annotated[
    bool,
    Meta(description="If true, people who register are pending until a host approves them.", examples=[False]),
]
GuestListVisibility = Annotated[
    Literal["everyone", "participants", "hosts"],
    Meta(
        description="Who can read the names of participants. The counts are visible to everyone who sees the event.",
        examples=["everyone"],
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


class Event(Struct, frozen=True):
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
    registered_count: Annotated[
        int, Meta(description="Seats taken: people who are registered or attended, with their guests.", examples=[12])
    ]
    waitlisted_count: Annotated[int, Meta(description="People on the waiting list, with their guests.", examples=[0])]
    version: Annotated[int, Meta(description="The number of edits, as in the `ETag`.", examples=[1])]
    max_guests: MaxGuests
    approval_required: ApprovalRequired
    registration_opens_at: OpensAt | None
    registration_closes_at: ClosesAt | None
    participants_visibility: GuestListVisibility
    pending_count: Annotated[
        int, Meta(description="People who wait for a host's approval, with their guests.", examples=[0])
    ]
    maybe_count: Annotated[int, Meta(description="People who answered `maybe`.", examples=[0])]
    declined_count: Annotated[int, Meta(description="People who answered `declined`.", examples=[0])]
    role: Annotated[
        Role | None,
        Meta(
            description="The caller's role. A participant is registered, waiting, pending, or attended. `null` for "
            "everyone else.",
            examples=["participant"],
        ),
    ] = None
    metadata: Metadata | UnsetType = UNSET


STORED_FIELDS: Final = tuple(name for name in Event.__struct_fields__ if name not in ("role", "metadata"))
"""The fields that are the same for every viewer."""


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
    max_guests: MaxGuests = 0
    approval_required: ApprovalRequired = False
    registration_opens_at: OpensAtTime | None = None
    registration_closes_at: ClosesAtTime | None = None
    participants_visibility: GuestListVisibility = "everyone"
    metadata: MetadataPatch = field(default_factory=dict)

    def clean(self) -> None:
        super().clean()
        check_times(self.start_time, self.end_time)
        check_window(self.registration_opens_at, self.registration_closes_at)
        merged({}, self.metadata)


class EventPatch(Input):
    """Changes to an event. Omitted fields stay. `null` clears the description, the location, the capacity, or an end of
    the registration window."""

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
    max_guests: MaxGuests | UnsetType = UNSET
    approval_required: ApprovalRequired | UnsetType = UNSET
    registration_opens_at: OpensAtTime | UnsetType | None = UNSET
    registration_closes_at: ClosesAtTime | UnsetType | None = UNSET
    participants_visibility: GuestListVisibility | UnsetType = UNSET
    metadata: MetadataPatch | UnsetType = UNSET


SETTINGS: Final = tuple(name for name in EventPatch.__struct_fields__ if name != "metadata")
"""The fields of an event's row that hosts can change."""


class EventQuery(Input):
    """The filters of a list of events: start in [`start_from`, `start_to`), text `q`, `metadata`, and so on."""

    start_from: Time | None = field(name="from", default=None)
    start_to: Time | None = field(name="to", default=None)
    q: Annotated[str, text(0, 200, example="встреча")] | None = None
    organizer_id: str | None = None
    status: Status | None = None
    metadata: dict[Key, Value] = field(default_factory=dict)

    def clean(self) -> None:
        super().clean()
        check_filters(self.metadata)


class EventPage(Struct, kw_only=True, frozen=True):
    """A page of events by start time."""

    events: Annotated[list[Event], Meta(description="The events of this page.")]
    next: Next
    as_of: AsOf


def check_times(start: Instant, end: Instant) -> None:
    """Raises `Invalid` unless the event ends after it starts."""
    if end <= start:
        raise Invalid(FieldError("end_time", "end_before_start"))


def check_window(opens_at: Instant | None, closes_at: Instant | None) -> None:
    """Raises `Invalid` unless registration closes after it opens."""
    if opens_at is not None and closes_at is not None and closes_at <= opens_at:
        raise Invalid(FieldError("registration_closes_at", "closes_before_opening"))


def check_visible(status: Status, visibility: Visibility, role: Role | None, *, has_answered: bool) -> None:
    """Raises `NotFound` for a draft or a private event, unless the viewer has a role.

    A viewer has answered who said "maybe" or "declined", or left the event without being removed, and may see it too.
    """
    if role is None and not has_answered and (status == "draft" or visibility == "private"):
        raise NotFound("event_not_found")


def is_host(role: Role | None) -> bool:
    """Returns true if the role is organizer or co-host."""
    return role in ("organizer", "host")


def check_host(role: Role | None) -> None:
    """Raises `Forbidden` unless the role is organizer or co-host."""
    if not is_host(role):
        raise Forbidden()


def sees_names(visibility: GuestListVisibility, role: Role | None) -> bool:
    """Returns true if somebody with this role can read the names of the participants."""
    if role == "participant":
        return visibility != "hosts"
    return role is not None or visibility == "everyone"


def check_sees_names(event: Event) -> None:
    """Raises `Forbidden` (`participants_hidden`) unless the viewer, whose role the event has, can read the names of the
    participants."""
    if not sees_names(event.participants_visibility, event.role):
        raise Forbidden("participants_hidden")


def check_organizer(role: Role | None) -> None:
    """Raises `Forbidden` unless the role is organizer."""
    if role != "organizer":
        raise Forbidden()


def check_draft(before: Event, after: Event) -> None:
    """Raises `Conflict` if an event that people registered for or answered becomes a draft."""
    people = before.registered_count + before.waitlisted_count + before.pending_count
    if after.status == "draft" and people + before.maybe_count + before.declined_count:
        raise Conflict("event_has_participants")
