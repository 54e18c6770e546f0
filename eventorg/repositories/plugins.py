"""How far each plugin has got with the change log, and what was set aside."""

from datetime import timedelta
from typing import Literal

from msgspec import Struct

from eventorg.domain.errors import NotFound
from eventorg.domain.facts import Change
from eventorg.domain.values import Clock, Instant, rfc3339
from eventorg.storage.database import Database
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction

MAX_BATCH = 100


class Place(Struct, frozen=True, kw_only=True):
    """A plugin's place in the log: done with `seq`; the next change has failed `attempts` times, and is tried again at
    `due_at`. `running` is the change that was being told when the program last stopped."""

    name: str
    seq: int
    running: int | None
    attempts: int
    due_at: Instant | None
    error: str | None


class PluginState(Struct, frozen=True, kw_only=True):
    """What the operator wants to know: `backlog` changes wait, `failures` were set aside."""

    name: str
    attempts: int
    error: str | None
    backlog: int
    failures: int

    @property
    def summary(self) -> Literal["ok", "retrying", "failing"]:
        """`retrying`: the next change has failed and is tried again; `failing`: changes were set aside."""
        if self.failures:
            return "failing"
        return "retrying" if self.attempts else "ok"


class PluginRepository:
    """The places of plugins."""

    def __init__(self, database: Database, sql: Statements, clock: Clock) -> None:
        self._database = database
        self._sql = sql
        self._clock = clock

    async def register(self, name: str) -> Place:
        """The place of a plugin; a new one begins with what happens from now on."""

        def work(tx: Transaction) -> Place:
            tx.run(self._sql.register_plugin, name=name)
            return self._load(tx, name)

        return await self._database.write(work)

    async def find_next(self, name: str) -> tuple[Place, list[Change], Change | None]:
        """The place, what comes after it (at most `MAX_BATCH`), and a change set aside that is to be retried."""

        def work(tx: Transaction) -> tuple[Place, list[Change], Change | None]:
            place = self._load(tx, name)
            rows = tx.all(self._sql.list_all_changes, after=place.seq, limit=MAX_BATCH)
            failure = tx.one(self._sql.get_dead_letter_to_retry, name=name)
            return place, [Change(**row) for row in rows], Change(**failure) if failure else None

        return await self._database.read(work)

    async def advance(self, name: str, seq: int) -> None:
        """Done with `seq`."""
        await self._database.write(lambda tx: tx.run(self._sql.advance_plugin, name=name, seq=seq))

    async def mark_running(self, name: str, seq: int, running: int) -> None:
        """Done with `seq`, and about to tell `running`: if the program ends in it, that is known."""
        await self._database.write(lambda tx: tx.run(self._sql.mark_running, name=name, seq=seq, running=running))

    async def mark_idle(self, name: str) -> None:
        """The program ends in good order: what was being told is told again, and has not failed."""
        await self._database.write(lambda tx: tx.run(self._sql.mark_plugin_idle, name=name))

    async def retry_later(self, name: str, seq: int, attempts: int, pause: timedelta, error: str) -> None:
        """Done with `seq`; what comes next has failed for the `attempts`th time and waits for a pause."""
        due = rfc3339(self._clock() + pause)
        await self._database.write(
            lambda tx: tx.run(
                self._sql.retry_plugin_later, name=name, seq=seq, attempts=attempts, due_at=due, error=error
            )
        )

    async def dead_letter(self, name: str, change: Change, error: str) -> None:
        """Goes on without a change that keeps failing, and keeps it for a retry."""

        def work(tx: Transaction) -> None:
            tx.run(
                self._sql.dead_letter_change,
                name=name,
                seq=change.seq,
                type=change.type,
                event_id=change.event_id,
                user_id=change.user_id,
                at=change.at,
                error=error,
            )
            if self._load(tx, name).seq < change.seq:
                tx.run(self._sql.advance_plugin, name=name, seq=change.seq)

        await self._database.write(work)

    async def retry_dead_letter(self, name: str, change: Change) -> None:
        """About to tell again a change that was set aside, once."""
        await self._database.write(lambda tx: tx.run(self._sql.retry_dead_letter, name=name, seq=change.seq))

    async def delete_dead_letter(self, name: str, change: Change) -> None:
        """A change that was set aside has been told after all."""
        await self._database.write(lambda tx: tx.run(self._sql.delete_dead_letter, name=name, seq=change.seq))

    async def retry(self, name: str) -> int:
        """Has a plugin told again what was set aside, and at once what waits; how many were set aside.

        Raises `NotFound`.
        """

        def work(tx: Transaction) -> int:
            self._load(tx, name)
            tx.run(self._sql.retry_plugin_now, name=name)
            return tx.run(self._sql.retry_dead_letters, name=name)

        return await self._database.write(work)

    async def find_states(self) -> list[PluginState]:
        """The states of all plugins that were ever loaded, by name."""
        rows = await self._database.read(lambda tx: tx.all(self._sql.list_plugin_states))
        return [PluginState(**row) for row in rows]

    def _load(self, tx: Transaction, name: str) -> Place:
        row = tx.one(self._sql.get_plugin, name=name)
        if row is None:
            raise NotFound("plugin_not_found")
        return Place(**row)
