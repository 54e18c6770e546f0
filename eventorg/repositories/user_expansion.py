"""Adds the names of users to the rows of a list, for `expand=user`."""

from msgspec import Raw

from eventorg.domain.callers import Caller
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction


class UserExpansion:
    """Adds users to JSON lists, inside the transaction that reads the list."""

    def __init__(self, sql: Statements) -> None:
        self._sql = sql

    def add_users(self, tx: Transaction, rows: str, caller: Caller) -> Raw:
        """Returns a JSON list of objects that have a `user_id`, each with a `ListedUser` as `user`.

        One statement reads all users. A bot that may act for users also gets their Telegram IDs. A user whose account
        is being deleted or merged has no names.
        """
        expanded = tx.row(self._sql.add_users, rows=rows, with_telegram=int("act" in caller.scopes))
        return Raw(str(expanded["rows"]).encode())
