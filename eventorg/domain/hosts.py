"""The hosts of events: their fields, and the limit on co-hosts who have not acted as one."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Raw, Struct

from eventorg.domain.errors import Conflict
from eventorg.domain.fields import AsOf, EventId, Next, UserId
from eventorg.domain.users import Expanded
from eventorg.domain.values import Input, Instant, JSONOf

MAX_PENDING_HOSTS = 100
MAX_PENDING_OF_ONE_HOST = 20
PENDING_HOSTS_DAYS = 30


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

    @property
    def place(self) -> tuple[int, str, str]:
        """The place in the list of hosts."""
        return int(self.role != "organizer"), self.since, self.user_id


class ListedHost(Host, kw_only=True, frozen=True):
    """A host in the list of an event's hosts."""

    user: Expanded = UNSET


class Hosts(Struct, kw_only=True, frozen=True):
    """The organizer of an event, then its co-hosts in the order in which they were added."""

    event_id: EventId
    hosts: Annotated[Raw, JSONOf(list[ListedHost]), Meta(description="The organizer first.")]
    next: Next
    as_of: AsOf


def check_pending_hosts(of_all: int, of_user: int) -> None:
    """Raises `Conflict` if an organizer has given too many roles, in all or to one user, to people who have not acted
    as co-host of any of its events within `PENDING_HOSTS_DAYS`."""
    if of_all >= MAX_PENDING_HOSTS or of_user >= MAX_PENDING_OF_ONE_HOST:
        raise Conflict("too_many_pending_hosts")
