"""The rows of events: reading, writing, and the room that they take on a page."""

import secrets
import sqlite3
from typing import Final

from eventorg.domain.events import SETTINGS, STORED_FIELDS, Event, NewEvent
from eventorg.domain.normal_forms import fold
from eventorg.domain.values import BASE58
from eventorg.storage.transactions import Parameter

CODE_LENGTH = 9
MAX_PAGE_BYTES: Final = 1024 * 1024
"""About the size of a page of events as JSON, so that no client makes the server hold more than that for it."""
_OTHER_FIELDS_BYTES: Final = 700
_WAITLIST: Final = STORED_FIELDS.index("waitlist")
_APPROVAL_REQUIRED: Final = STORED_FIELDS.index("approval_required")


class PageRoom:
    """The room that is left for the events of a page. One event always fits."""

    def __init__(self) -> None:
        self.left = MAX_PAGE_BYTES

    def is_used_up_by(self, row: sqlite3.Row) -> bool:
        """Takes the room of an event, and returns true if there was too little."""
        texts = (row["title"], row["description"] or "", row["location"] or "")
        self.left -= _OTHER_FIELDS_BYTES + sum(len(text.encode()) for text in texts)
        return self.left < 0


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
