"""Exports a user's data."""

from msgspec import Struct

from eventorg.plugin import Context, Transaction

from .offsets import Reminder, find_user_offsets


class UserData(Struct, frozen=True):
    """The user's own reminders (null: those of each event). The export of the core has the messages."""

    reminders: list[Reminder] | None


def export(user_id: str, context: Context, tx: Transaction) -> UserData:
    """Returns all data about a user."""
    return UserData(find_user_offsets(context, tx, user_id))
