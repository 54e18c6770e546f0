"""What the bot remembers: languages and zones, dialogs, and what it has told a person once."""

import json
import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Protocol

from eventorg.plugin import Context, Transaction, rfc3339

CHAT: Final = "chat"
"""By the ID of a chat: `language`, `timezone`, `remind_minutes` (before the start of an event; 0: no reminder),
`moved_from` (the ID that a group had before it was a supergroup), `moved_to` (the ID that it has since)."""
PERSON: Final = "person"
"""By the Telegram ID: `language` and `timezone` if chosen, `is_started`, `is_hinted`, `new_title` (of an event for
which something was missing in a group), `zone_asked` (by the ID of a chat: the codes of events for which the bot has
asked the person there for the zone)."""
DIALOG: Final = "dialog"
"""By the Telegram ID: the dialog that the person is in."""
EVENT: Final = "event"
"""By the ID of an event: `host`, the Telegram ID of a host for whom the bot has posted its card."""
REMINDER: Final = "reminder"
"""By `<ID of a group>:<ID of an event>`: the card of an event to come, and whether the group was reminded."""
COHOST: Final = "cohost"
"""By the hash of the secret in the link: the event of which it makes somebody a co-host."""
ASK: Final = "ask"
"""By `<ID of an event>:<ID of a user>`: the hosts were told that the user asks to come."""
MAYBE: Final = "maybe"
"""By the ID of a user: the events to which the user has answered maybe."""
CARDS: Final = "cards"
"""By the ID of an event that has cards: its title and its start."""
CARD: Final = "card"
"""By `<ID of an event>:<ID of a chat>:<ID of a message>`: the event and the language of a card."""
BOT: Final = "bot"
"""By a name: what the bot knows about itself."""

PROCESS: Final = "process"
"""The key of what a running server notes about itself: `pid`, and `problem` if it has one."""

DIALOGS_KEPT: Final = timedelta(days=30)

Values = dict[str, Any]


class State(Protocol):
    """Values by kind and key. A missing one is empty. `owner` is the ID of the user whose values they are: they are in
    the user's export, and go with the account."""

    async def get(self, kind: str, key: int | str) -> Values:
        """Returns the values, or an empty dictionary."""

    async def set(self, kind: str, key: int | str, values: Mapping[str, Any], owner: str | None = None) -> None:
        """Replaces the values. Empty ones are deleted."""

    async def update(self, kind: str, key: int | str, owner: str | None = None, **values: Any) -> Values:
        """Changes these values and leaves the others, and returns all. None deletes one."""

    async def list(self, kind: str) -> dict[str, Values]:
        """Returns all values of a kind, by key."""


class PluginState:
    """Keeps the values in the plugin's table."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def get(self, kind: str, key: int | str) -> Values:
        sql = self._context.sql
        row = await self._context.read(lambda tx: tx.one(sql.get_state, kind=kind, key=str(key)))
        return json.loads(row["value"]) if row else {}

    async def set(self, kind: str, key: int | str, values: Mapping[str, Any], owner: str | None = None) -> None:
        await self._write(kind, key, owner, lambda _: dict(values))

    async def update(self, kind: str, key: int | str, owner: str | None = None, **values: Any) -> Values:
        return await self._write(kind, key, owner, lambda before: _merged(before, values))

    async def list(self, kind: str) -> dict[str, Values]:
        sql = self._context.sql
        rows = await self._context.read(lambda tx: tx.all(sql.list_state, kind=kind))
        return {row["key"]: json.loads(row["value"]) for row in rows}

    async def _write(self, kind: str, key: int | str, owner: str | None, change: Callable[[Values], Values]) -> Values:
        sql, place = self._context.sql, {"kind": kind, "key": str(key)}

        def work(tx: Transaction) -> Values:
            row = tx.one(sql.get_state, **place)
            values: Values = change(json.loads(row["value"]) if row else {})
            if values:
                text = json.dumps(values, ensure_ascii=False)
                tx.run(sql.put_state, **place, user_id=owner, value=text, now=tx.now)
            else:
                tx.run(sql.delete_state, **place)
            return values

        return await self._context.write(work)


class MemoryState:
    """Keeps the values in memory, and in a JSON file if you name one."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._values: dict[str, Values] = json.loads(file.read_text("utf-8")) if file and file.exists() else {}

    async def get(self, kind: str, key: int | str) -> Values:
        return dict(self._values.get(f"{kind}:{key}", {}))

    async def set(self, kind: str, key: int | str, values: Mapping[str, Any], owner: str | None = None) -> None:
        if values:
            self._values[f"{kind}:{key}"] = dict(values)
        else:
            self._values.pop(f"{kind}:{key}", None)
        self._save()

    async def update(self, kind: str, key: int | str, owner: str | None = None, **values: Any) -> Values:
        merged = _merged(await self.get(kind, key), values)
        await self.set(kind, key, merged)
        return merged

    async def list(self, kind: str) -> dict[str, Values]:
        found = ((name.partition(":"), values) for name, values in self._values.items())
        return {key: dict(values) for (of, _, key), values in found if of == kind}

    def _save(self) -> None:
        if self._file is None:
            return
        new = self._file.with_name(f"{self._file.name}.new")
        new.write_text(json.dumps(self._values, ensure_ascii=False), "utf-8")
        os.replace(new, self._file)


def _merged(before: Values, values: Mapping[str, Any]) -> Values:
    return {name: value for name, value in {**before, **values}.items() if value is not None}


async def sweep(context: Context) -> None:
    """Deletes what is a month old: dialogs, links for co-hosts, and notes about people who have asked to come."""
    before = rfc3339(context.clock() - DIALOGS_KEPT)
    await context.write(lambda tx: tx.run(context.sql.delete_old_dialogs, before=before))


def export(user_id: str, context: Context, tx: Transaction) -> list[dict[str, Any]]:
    """Returns what is kept about a user."""
    rows = tx.all(context.sql.list_state_of, user_id=user_id)
    return [{"kind": row["kind"], "values": json.loads(row["value"])} for row in rows]


def merge(gone_id: str, stays_id: str, context: Context, tx: Transaction) -> None:
    """Passes what is kept about a user on, with the Telegram account."""
    sql = context.sql
    tx.run(sql.move_state, gone_id=gone_id, stays_id=stays_id)
    if row := tx.one(sql.get_state, kind=MAYBE, key=gone_id):
        kept = tx.one(sql.get_state, kind=MAYBE, key=stays_id)
        lists = [json.loads(each["value"])["events"] for each in (row, kept) if each]
        value = json.dumps({"events": list(dict.fromkeys(each for events in lists for each in events))})
        tx.run(sql.put_state, kind=MAYBE, key=stays_id, user_id=stays_id, value=value, now=tx.now)
        tx.run(sql.delete_state, kind=MAYBE, key=gone_id)
