"""The export of everything that is stored about a user."""

from typing import Any

from msgspec import Struct

from eventorg.domain.events import Event
from eventorg.domain.facts import Change
from eventorg.domain.identities import TelegramIdentity
from eventorg.domain.registrations import CancelledBy, Registration
from eventorg.domain.users import User
from eventorg.domain.values import Instant


class LoggedChange(Change, kw_only=True, frozen=True):
    """A change, and the bot through which the user made it, if any."""

    bot: str | None


class StoredRegistration(Registration, kw_only=True, frozen=True):
    """A registration, and the party that cancelled it, if it is cancelled."""

    cancelled_by: CancelledBy | None


class IdempotentRequest(Struct, kw_only=True, frozen=True):
    """A request with an `Idempotency-Key`: its result or the problem that refused it, as JSON."""

    key: str
    at: Instant
    result: str | None
    refusal: str | None


class Export(Struct, kw_only=True, frozen=True):
    """All stored data about a user.

    It contains:

    - the account and the Telegram account
    - the events that the user organizes or co-hosts
    - all registrations, including cancelled ones
    - the entries of the change log that name the user, that the user caused, or that announced a deletion to the user
    - the requests of the last day that had an `Idempotency-Key`
    - the data of each plugin by the plugin's name

    `incomplete` names the plugins whose data could not be read.
    """

    exported_at: Instant
    user: User
    telegram: TelegramIdentity | None
    events: list[Event]
    registrations: list[StoredRegistration]
    changes: list[LoggedChange]
    requests: list[IdempotentRequest]
    plugins: dict[str, Any] = {}
    incomplete: list[str] = []
