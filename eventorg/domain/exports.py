"""What a user is given when it asks for everything that is kept about it."""

from msgspec import Struct

from eventorg.domain.events import Event
from eventorg.domain.facts import Change
from eventorg.domain.identities import TelegramIdentity
from eventorg.domain.registrations import Registration
from eventorg.domain.users import User
from eventorg.domain.values import Instant


class Export(Struct, kw_only=True, frozen=True):
    """The account, its Telegram account, the events it organises or co-hosts, its registrations (the cancelled ones
    too), and the entries of the change log that name it or that it brought about."""

    exported_at: Instant
    user: User
    telegram: TelegramIdentity | None
    events: list[Event]
    registrations: list[Registration]
    changes: list[Change]
