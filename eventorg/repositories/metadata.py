"""Reads and changes the metadata of events, inside the caller's transaction."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.json import encode

from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction

MAX_PAGE_BYTES: Final = 1024 * 1024
"""About the size of the metadata on a page of events, as JSON."""


class MetadataRepository:
    """The texts that hosts and bots store with events."""

    def __init__(self, sql: Statements) -> None:
        self._sql = sql

    def load(self, tx: Transaction, event_id: str) -> dict[str, str]:
        """Returns the metadata of an event, by key."""
        return self.find(tx, [event_id])[event_id]

    def find(self, tx: Transaction, event_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """Returns the metadata of events by ID. The last events are left out if there is more than `MAX_PAGE_BYTES`.

        The metadata of one event is smaller than that.
        """
        found: dict[str, dict[str, str]] = {event_id: {} for event_id in event_ids}
        room = MAX_PAGE_BYTES

        def is_used_up(row: sqlite3.Row) -> bool:
            nonlocal room
            room -= len(row["key"]) + len(row["value"].encode())
            return room < 0

        rows = tx.all_until(self._sql.list_metadata, is_used_up, event_ids=encode(list(event_ids)).decode())
        for row in rows:
            found[row["event_id"]][row["key"]] = row["value"]
        if room < 0:
            cut = list(event_ids).index(rows[-1]["event_id"])
            return {event_id: found[event_id] for event_id in event_ids[:cut]}
        return found

    def change(self, tx: Transaction, event_id: str, patch: Mapping[str, str | None], bot: str | None) -> None:
        """Stores the texts of a patch, as set by a bot or by a host itself, and removes the keys that are None."""
        if not patch:
            return
        values = encode(patch).decode()
        tx.run(self._sql.set_metadata, event_id=event_id, patch=values, bot=bot or "")
        tx.run(self._sql.remove_metadata, event_id=event_id, patch=values)

    def copy(self, tx: Transaction, event_id: str, copy_id: str) -> None:
        """Stores the metadata of an event for another one, which has none. Each text keeps the bot that set it."""
        tx.run(self._sql.copy_metadata, event_id=event_id, copy_id=copy_id)
