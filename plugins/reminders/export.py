"""What is kept about a user, for the user's own export."""

from typing import Any

from msgspec import Struct

from eventorg.plugin import Context, Transaction

from .offsets import Reminder, find_user_offsets


class Kept(Struct, frozen=True):
    """The user's own offsets (null: as each event says), whether a bot has reported it `blocked`, and its deliveries in
    the order they were made."""

    reminders: list[Reminder] | None
    blocked: bool
    deliveries: list[dict[str, Any]]


def export(user_id: str, context: Context, tx: Transaction) -> Kept:
    """All that there is about a user."""
    return Kept(
        reminders=find_user_offsets(context, tx, user_id),
        blocked=tx.one(context.sql.get_unreachable, user_id=user_id) is not None,
        deliveries=[dict(row) for row in tx.all(context.sql.list_deliveries_of, user_id=user_id)],
    )
