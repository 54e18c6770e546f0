"""The messages of this plugin, when they are about to be told: their texts, and whether they are still true."""

from collections.abc import Mapping
from typing import Any, Final

from eventorg.plugin import Context, Notice, Transaction

from .texts import head_of, texts_of

_TIME_LENGTH: Final = len("2027-09-15T10:00:00Z")


def refresh(notice: Notice, context: Context, tx: Transaction) -> dict[str, str] | None:
    """Returns the texts of a message as of now, or None if it is obsolete."""
    statement = context.sql.get_deleted if notice.kind == "deleted" else context.sql.get_notice
    found = tx.one(statement, event_id=notice.event_id, user_id=notice.user_id)
    if found is None or found["end_time"] <= tx.now:
        return None
    row = dict(found)
    if notice.kind == "deleted":
        return texts_of(notice.kind, row)
    return texts_of(head_of(notice.kind, notice.dedupe_key, row), row) if _is_true(notice, row) else None


def _is_true(notice: Notice, row: Mapping[str, Any]) -> bool:
    status, event_status = row["status"], row["event_status"]
    if notice.kind == "cancelled":
        return event_status == "cancelled" and bool(row["is_interested"])
    if notice.kind == "host":
        return bool(row["hosts"])
    if event_status != "published":
        return False
    match notice.kind:
        case "reminder":
            start_time = notice.dedupe_key[-_TIME_LENGTH:]
            newest = (row["reminded_start_time"], row["reminded_at"])
            is_newest = (start_time, notice.due_at) == newest and start_time == row["start_time"]
            return is_newest and status == "registered"
        case "promoted":
            return bool(status == "registered")
        case "approved":
            return bool(status == "waitlisted" and row["approved"])
        case "removed":
            return bool(status == "cancelled")
    return bool(row["is_interested"])  # changed, restored


def move(gone_id: str, stays_id: str, context: Context, tx: Transaction) -> None:
    """Moves the reminders of a user who is merged into another one. None is made twice."""
    tx.run(context.sql.move_user_offsets, gone_id=gone_id, stays_id=stays_id)
    tx.run(context.sql.move_made, gone_id=gone_id, stays_id=stays_id)
