"""The rows of events: reading and writing them."""

import secrets
import sqlite3
from typing import Final

from eventorg.domain.events import SETTINGS, STORED_FIELDS, Event, NewEvent
from eventorg.domain.normal_forms import fold
from eventorg.domain.values import BASE58
from eventorg.storage.transactions import Parameter

CODE_LENGTH = 9
_WAITLIST: Final = STORED_FIELDS.index("waitlist")
_APPROVAL_REQUIRED: Final = STORED_FIELDS.index("approval_required")


def read_event(row: sqlite3.Row) -> Event:
    """Returns the event of a row whose columns are `STORED_FIELDS` in their order: by name would take ten times as
    long."""
    values = [*row]
    values[_WAITLIST] = bool(values[_WAITLIST])
    values[_APPROVAL_REQUIRED] = bool(values[_APPROVAL_REQUIRED])
    return Event(*values)


def settings_of(source: NewEvent | Event) -> dict[str, Parameter]:
    """Returns the values of an event's row that hosts can change, with the text to search in."""
    texts = (source.title, source.description, source.location)
    values: dict[str, Parameter] = {name: getattr(source, name) for name in SETTINGS}
    return values | {"search_text": fold("\n".join(part for part in texts if part))}


def new_code() -> str:
    """Returns a new code of an event."""
    return "".join(secrets.choice(BASE58) for _ in range(CODE_LENGTH))
