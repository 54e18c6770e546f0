"""What a user is given when it asks for everything that is kept about it."""

from typing import Any

from msgspec import Struct

from eventorg.domain.events import Event
from eventorg.domain.facts import Change
from eventorg.domain.identities import TelegramIdentity
from eventorg.domain.registrations import Registration
from eventorg.domain.users import User
from eventorg.domain.values import Instant


class LoggedChange(Change, kw_only=True, frozen=True):
    """A change, with the bot by which the user brought it about, if there was one."""

    bot: str | None


class KeptRequest(Struct, kw_only=True, frozen=True):
    """A request with an `Idempotency-Key`: what it made, or the problem it was refused with, as JSON."""

    key: str
    at: Instant
    result: str | None
    refusal: str | None


class Export(Struct, kw_only=True, frozen=True):
    """The account, its Telegram account, the events it organizes or co-hosts, its registrations (the cancelled ones
    too), the entries of the change log that name it, that it brought about or that it was told for the last time, and
    its requests of the last day that are not done twice; and what each plugin keeps about it, by the plugin's name.
    `incomplete` names the plugins that could not say so just now."""

    exported_at: Instant
    user: User
    telegram: TelegramIdentity | None
    events: list[Event]
    registrations: list[Registration]
    changes: list[LoggedChange]
    requests: list[KeptRequest]
    plugins: dict[str, Any] = {}
    incomplete: list[str] = []
