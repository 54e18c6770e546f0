"""Exports a user's data."""

from typing import Any

from msgspec import Struct

from eventorg.plugin import Context, Transaction

from .offsets import Reminder, find_user_offsets


class UserData(Struct, frozen=True):
    """The user's own reminders (null: those of each event), whether a bot has reported the user `blocked`, and the
    deliveries in the order of creation."""

    reminders: list[Reminder] | None
    blocked: bool
    deliveries: list[dict[str, Any]]


def export(user_id: str, context: Context, tx: Transaction) -> UserData:
    """Returns all data about a user."""
    return UserData(
        reminders=find_user_offsets(context, tx, user_id),
        blocked=tx.one(context.sql.get_unreachable, user_id=user_id) is not None,
        deliveries=[dict(row) for row in tx.all(context.sql.list_deliveries_of, user_id=user_id)],
    )
