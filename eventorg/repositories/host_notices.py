"""The messages to people whom a host adds to an event."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from eventorg.domain.callers import Caller
from eventorg.domain.deliveries import CORE, Notice
from eventorg.domain.events import Event
from eventorg.domain.registrations import Registration
from eventorg.domain.users import DEFAULT_TIMEZONE, User, display_name
from eventorg.locales import LANGUAGES, text
from eventorg.repositories.deliveries import DeliveryRepository
from eventorg.repositories.users import UserRepository
from eventorg.storage.transactions import Transaction

_DAY_AND_TIME: Final = "EE, d MMMM y, HH:mm"


class HostNotices:
    """Tells people who added them, inside the caller's transaction."""

    def __init__(self, users: UserRepository, deliveries: DeliveryRepository) -> None:
        self._users = users
        self._deliveries = deliveries

    def tell_added(self, tx: Transaction, event: Event, added: Registration, user: User, by: Caller) -> None:
        """Tells a user which host added them, until the event is over. Hosts who add themselves are not told."""
        if user.id == by.user_id:
            return
        host = self._users.load(tx, by.user_id)
        name = display_name(host.username, host.first_name, host.last_name)
        notice = Notice(
            user_id=user.id, kind="added", dedupe_key=_key(added), event_id=event.id, due_at=added.registration_date
        )
        texts = {language: _text(language, event, added, user, name) for language in LANGUAGES}
        self._deliveries.add(tx, CORE, notice, texts, event.end_time)

    def withdraw(self, tx: Transaction, added: Registration) -> None:
        """Deletes the message about a registration that a host removes again, if nobody has leased it."""
        self._deliveries.cancel(tx, CORE, [_key(added)])


def _key(added: Registration) -> str:
    return f"added:{added.event_id}:{added.user_id}:{added.registration_date}"


def _text(language: str, event: Event, added: Registration, user: User, host: str) -> str:
    """Returns the title, the time in the user's zone, or in the event's if the user has chosen none, and the place."""
    from babel.dates import format_datetime  # here: its import is slow, and commands do not need it

    zone = event.timezone if user.timezone == DEFAULT_TIMEZONE else user.timezone
    start = datetime.fromisoformat(event.start_time).astimezone(ZoneInfo(zone))
    lines = [
        text(language, "notices", f"added_{added.status}", title=event.title),
        f"{format_datetime(start, _DAY_AND_TIME, locale=language)} ({zone})",
        event.location,
        text(language, "notices", "by_host", host=host),
    ]
    return "\n".join(line for line in lines if line)
