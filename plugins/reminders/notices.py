"""The messages of this plugin: their texts, and whether they are still true."""

from collections.abc import Mapping
from typing import Any, Final

from eventorg.plugin import Context, Notice, Transaction

from .texts import message

LANGUAGES: Final = ("ru", "en")
_TIME_LENGTH: Final = len("2027-09-15T10:00:00Z")


def texts_of(kind: str, row: Mapping[str, Any]) -> dict[str, str]:
    """Returns the texts of a message in each language, from the columns of an event and the zone of a user."""
    return {
        language: message(kind, language, row["timezone"], row["title"], row["start_time"], row["location"])
        for language in LANGUAGES
    }


def refresh(notice: Notice, context: Context, tx: Transaction) -> dict[str, str] | None:
    """Returns the texts of a message as of now, or None if it is obsolete."""
    found = tx.one(context.sql.get_notice, event_id=notice.event_id, user_id=notice.user_id)
    if found is None:
        return None
    row = dict(found)
    return texts_of(notice.kind, row) if row["end_time"] > tx.now and _is_true(notice, row) else None


def move(gone_id: str, stays_id: str, context: Context, tx: Transaction) -> None:
    """Moves the reminders of a user who is merged into another one. None is made twice."""
    tx.run(context.sql.move_user_offsets, gone_id=gone_id, stays_id=stays_id)
    tx.run(context.sql.move_made, gone_id=gone_id, stays_id=stays_id)


def _is_true(notice: Notice, row: Mapping[str, Any]) -> bool:
    is_published: bool = row["event_status"] == "published"
    comes = row["status"] in ("registered", "waitlisted")
    has_seat: bool = row["status"] == "registered"
    match notice.kind:
        case "reminder":
            start_time = notice.dedupe_key[-_TIME_LENGTH:]
            newest = (row["reminded_start_time"], row["reminded_at"])
            is_newest = (start_time, notice.due_at) == newest and start_time == row["start_time"]
            return is_published and has_seat and is_newest
        case "promoted":
            return is_published and has_seat
        case "cancelled":
            return comes and row["event_status"] == "cancelled"
    return is_published and comes
