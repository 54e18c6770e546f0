"""The position of each plugin in the change log, and its dead letters."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final, Literal

from msgspec import Struct
from msgspec.json import encode

from eventorg.domain.errors import NotFound
from eventorg.domain.facts import Fact
from eventorg.domain.values import Clock, Instant, rfc3339
from eventorg.repositories.changes import encode_data, read_fact
from eventorg.storage.database import Database
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction

MAX_BATCH = 100
_MAX_SEARCHED: Final = 1_000
"""The number of changes that are searched at once for those of a plugin."""
MAX_ATTEMPTS = 8
"""The number of failures of one change, or of crashes in a row, after which a plugin counts as failing."""


class PluginPosition(Struct, frozen=True, kw_only=True):
    """A plugin's position in the log: `seq` is the last finished change.

    The next change has failed `attempts` times and is tried again at `due_at`. `running` is the change that was being
    handled when the program last stopped.
    """

    name: str
    seq: int
    running: int | None
    attempts: int
    due_at: Instant | None
    error: str | None


class PluginWork(Struct, frozen=True):
    """The next work of a plugin whose position is `place`: the facts of its types among the changes after `after`, up
    to `upto`, and a dead letter that is to be retried. `more` is true if the log has changes after `upto`."""

    place: PluginPosition
    after: int
    upto: int
    facts: list[Fact]
    dead_letter: Fact | None
    more: bool


class PluginState(Struct, frozen=True, kw_only=True):
    """A plugin's state for the operator: `backlog` changes wait, `failures` are dead letters."""

    name: str
    attempts: int
    error: str | None
    backlog: int
    failures: int

    @property
    def summary(self) -> Literal["ok", "retrying", "failing"]:
        """`retrying`: the next change failed and is tried again; `failing`: there are dead letters."""
        if self.failures:
            return "failing"
        return "retrying" if self.attempts else "ok"


def summarize(state: PluginState | None, crashes: int) -> Literal["ok", "retrying", "failing"]:
    """Returns a plugin's state, with the crashes in a row of its lifespan."""
    if crashes >= MAX_ATTEMPTS:
        return "failing"
    summary = "ok" if state is None else state.summary
    return "retrying" if summary == "ok" and crashes else summary


class PluginCrashes(Struct, frozen=True, kw_only=True):
    """The crashes of a plugin's lifespan in a row, with the time and the error of the last one."""

    name: str
    crashes: int
    at: Instant
    error: str


class PluginRepository:
    """Reads and moves the positions of plugins."""

    def __init__(self, database: Database, sql: Statements, clock: Clock) -> None:
        self._database = database
        self._sql = sql
        self._clock = clock

    async def register(self, name: str) -> PluginPosition:
        """Returns the position of a plugin. A new plugin receives the changes from now on."""

        def work(tx: Transaction) -> PluginPosition:
            tx.run(self._sql.register_plugin, name=name)
            return self._load(tx, name)

        return await self._database.write(work)

    async def find_next(self, name: str, types: Iterable[str] | None, after: int) -> PluginWork:
        """Returns the next work of a plugin: at most `MAX_BATCH` facts of these types, or of all types.

        Changes up to `after` are known not to concern the plugin, if its position does not include them yet.
        """
        wanted = None if types is None else encode(list(types)).decode()

        def work(tx: Transaction) -> PluginWork:
            place, head = self._load(tx, name), int(tx.row(self._sql.get_last_change)["seq"])
            start = max(place.seq, after)
            upto = min(head, start + _MAX_SEARCHED)
            rows = tx.all(self._sql.list_facts, after=start, upto=upto, types=wanted, limit=MAX_BATCH)
            if len(rows) == MAX_BATCH:
                upto = rows[-1]["seq"]
            failure = tx.one(self._sql.get_dead_letter_to_retry, name=name)
            facts = [read_fact(row) for row in rows]
            return PluginWork(place, start, upto, facts, read_fact(failure) if failure else None, upto < head)

        return await self._database.read(work)

    async def advance(self, name: str, seq: int) -> None:
        """Records that `seq` is finished."""
        await self._database.write(lambda tx: tx.run(self._sql.advance_plugin, name=name, seq=seq))

    async def mark_running(self, name: str, seq: int, running: int) -> None:
        """Records that `seq` is finished and `running` begins, so that a crash in it is known."""
        await self._database.write(lambda tx: tx.run(self._sql.mark_running, name=name, seq=seq, running=running))

    async def mark_idle(self, name: str, seq: int) -> None:
        """Records that the program stops normally, with all changes up to `seq` finished. The running change is handled
        again and has not failed."""
        await self._database.write(lambda tx: tx.run(self._sql.mark_plugin_idle, name=name, seq=seq))

    async def retry_later(self, name: str, seq: int, attempts: int, pause: timedelta, error: str) -> None:
        """Records that `seq` is finished, and that the next change failed for the `attempts`th time and waits for a
        pause."""
        due = rfc3339(self._clock() + pause)
        await self._database.write(
            lambda tx: tx.run(
                self._sql.retry_plugin_later, name=name, seq=seq, attempts=attempts, due_at=due, error=error
            )
        )

    async def dead_letter(self, name: str, change: Fact, error: str) -> None:
        """Moves a change that keeps failing to the dead letters and goes on without it."""

        def work(tx: Transaction) -> None:
            tx.run(
                self._sql.dead_letter_change,
                name=name,
                seq=change.seq,
                type=change.type,
                event_id=change.event_id,
                user_id=change.user_id,
                at=change.at,
                data=encode_data(change.data),
                error=error,
            )
            if self._load(tx, name).seq < change.seq:
                tx.run(self._sql.advance_plugin, name=name, seq=change.seq)

        await self._database.write(work)

    async def retry_dead_letter(self, name: str, change: Fact) -> None:
        """Records that a dead letter is about to be handled again, once."""
        await self._database.write(lambda tx: tx.run(self._sql.retry_dead_letter, name=name, seq=change.seq))

    async def delete_dead_letter(self, name: str, change: Fact) -> None:
        """Deletes a dead letter that was handled after all."""
        await self._database.write(lambda tx: tx.run(self._sql.delete_dead_letter, name=name, seq=change.seq))

    async def retry(self, name: str) -> int:
        """Marks a plugin's dead letters for a retry, ends its pause, and returns the number of dead letters.

        Raises `NotFound`.
        """

        def work(tx: Transaction) -> int:
            self._load(tx, name)
            tx.run(self._sql.retry_plugin_now, name=name)
            return tx.run(self._sql.retry_dead_letters, name=name)

        return await self._database.write(work)

    async def find_states(self) -> list[PluginState]:
        """Returns the states of all plugins that were ever loaded, by name."""
        rows = await self._database.read(lambda tx: tx.all(self._sql.list_plugin_states))
        return [PluginState(**row) for row in rows]

    async def record_crash(self, name: str, crashes: int, error: str) -> None:
        """Records that a plugin's lifespan has crashed, for the `crashes`th time in a row."""
        await self._database.write(
            lambda tx: tx.run(self._sql.record_crash, name=name, crashes=crashes, error=error, now=tx.now)
        )

    async def forget_crashes(self, name: str) -> None:
        """Records that a plugin has recovered from its crashes."""
        await self._database.write(lambda tx: tx.run(self._sql.forget_crashes, name=name))

    async def find_crashes(self) -> dict[str, PluginCrashes]:
        """Returns the crashes of the plugins that have not recovered from them, by name."""
        rows = await self._database.read(lambda tx: tx.all(self._sql.list_crashes))
        return {row["name"]: PluginCrashes(**row) for row in rows}

    def _load(self, tx: Transaction, name: str) -> PluginPosition:
        row = tx.one(self._sql.get_plugin, name=name)
        if row is None:
            raise NotFound("plugin_not_found")
        return PluginPosition(**row)
