"""Gates: further rules about who may take a place at an event, besides those of `eventorg.domain.admission`."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from msgspec import Struct

from eventorg.domain.errors import Conflict
from eventorg.domain.events import Event, Role
from eventorg.domain.facts import Actor
from eventorg.domain.registrations import Registration
from eventorg.domain.users import User


class Asked(Struct, frozen=True, kw_only=True, dict=True):
    """Somebody who wants a place at an event, or more places. The event, its metadata and the user are read when they
    are first asked for, so use them only while the gate is asked."""

    event_id: str
    """The ID of the event."""

    user_id: str
    """The ID of the user who wants to come."""

    role: Role | None
    """The role of the user at the event."""

    guests: int
    """The number of guests that the user wants to bring."""

    guest_names: tuple[str, ...]
    """The names of guests. There can be fewer names than guests."""

    before: Registration | None
    """The registration whose party grows. None: the user is not registered yet."""

    by: Actor
    """`self` if the user asks, `host` or `operator` if one of them adds the user."""

    bot: str | None
    """The name of the bot that sent the request, if any."""

    invited: bool
    """True if the user accepts an invitation."""

    load_event: Callable[[], Event]
    """Returns what `event` is."""

    load_metadata: Callable[[], Mapping[str, str]]
    """Returns what `metadata` is."""

    load_user: Callable[[], User]
    """Returns what `user` is."""

    @cached_property
    def event(self) -> Event:
        """The event as the user sees it, with the role of the user. `metadata` is unset."""
        return self.load_event()

    @cached_property
    def metadata(self) -> Mapping[str, str]:
        """The metadata of the event, by key, as hosts see it."""
        return self.load_metadata()

    @cached_property
    def user(self) -> User:
        """The user who wants to come. The email address is unset."""
        return self.load_user()


class Refusal(Struct, frozen=True):
    """The reason for which somebody gets no place. Clients get it as 409 with the code `<plugin>_<code>`."""

    code: str
    """The code without the plugin's name: lowercase letters, digits and underscores."""

    words: Mapping[str, str]
    """The text for people, by language: `ru` and `en`."""

    next_step: Mapping[str, str] = {}
    """What to do next, by language, for the page of the code."""

    data: Mapping[str, Any] = {}
    """What a client needs, as JSON values: the member `data` of the problem document. Set it with
    `msgspec.structs.replace(refusal, data=…)`."""


class Refused(Conflict):
    """A gate refuses a place."""

    def __init__(self, code: str, refusal: Refusal) -> None:
        super().__init__(code, **refusal.words)
        self.members = {"data": dict(refusal.data)}
