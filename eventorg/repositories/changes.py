"""The change log: one row per fact, written in the transaction of the change itself, read as a feed."""

from eventorg.domain.callers import Caller
from eventorg.domain.errors import Gone
from eventorg.domain.exports import LoggedChange
from eventorg.domain.facts import ALL_CHANGES, Change, ChangePage, NewChange
from eventorg.storage.database import Database
from eventorg.storage.statements import Statement, Statements
from eventorg.storage.transactions import Transaction

MAX_LOOKED_UP = 50
"""So many new changes are looked through on the event loop, whomever they concern."""
_MAX_SWEEP = 1_000


class ChangeRepository:
    """Records facts, and finds them again in commit order."""

    def __init__(self, database: Database, sql: Statements) -> None:
        self._database = database
        self._sql = sql

    def record(self, tx: Transaction, fact: NewChange, by: Caller) -> None:
        """Adds a fact to the log, with the user and the bot who brought it about; it is told once `tx` is committed.

        Before an event goes, so that those it concerned are still told.
        """
        seq = tx.insert(
            self._sql.record_change,
            now=tx.now,
            type=fact.type,
            event_id=fact.event_id,
            user_id=fact.user_id,
            actor_id=by.user_id or None,
            bot=by.bot,
        )
        change = Change(seq=seq, at=tx.now, type=fact.type, event_id=fact.event_id, user_id=fact.user_id)
        if change.type == "event.deleted":
            tx.run(self._sql.keep_audience, seq=change.seq, event_id=change.event_id)
        tx.news.append(change)

    async def find(self, caller: Caller, after: int | None, limit: int) -> tuple[ChangePage, frozenset[str]]:
        """What concerns the caller after a number (None: from the oldest kept); and if that is nothing, the ids by
        which it is concerned: a user's own and those of the events it hosts or attends; a bot by itself is concerned
        by everything (`ALL_CHANGES`). Raises `Gone` for a number that is not kept."""
        user_id = caller.user_id

        def find_all(tx: Transaction) -> tuple[ChangePage, frozenset[str]]:
            start, head = self._bounds(tx, after)
            page = self._page(tx, self._sql.list_changes_for, user_id, start, head, limit)
            return page, frozenset() if page.changes else self._find_audience(tx, user_id)

        page = await self._database.look_up(
            self._find_new, user_id, after, limit
        )  # mostly by who has just been woken by one
        if page is not None and page.changes:
            return page, frozenset()
        return await self._database.read(find_all)

    def load_last(self, tx: Transaction) -> int:
        """Returns the number of the last change in the snapshot of `tx`: the `as_of` of a list that is read with it."""
        return int(tx.row(self._sql.get_last_change)["seq"])

    async def get_head(self) -> int:
        """The number of the last change there was."""
        bounds = await self._database.read(lambda tx: tx.row(self._sql.get_feed_bounds))
        return int(bounds["head"])

    async def find_after(self, seq: int) -> list[Change]:
        """The changes after a number in commit order, as many as are looked at in one go."""
        rows = await self._database.read(lambda tx: tx.all(self._sql.list_all_changes, after=seq, limit=_MAX_SWEEP))
        return [Change(**row) for row in rows]

    def _find_new(self, tx: Transaction, user_id: str, after: int | None, limit: int) -> ChangePage | None:
        start, head = self._bounds(tx, after)
        if head - start > MAX_LOOKED_UP:
            return None
        return self._page(tx, self._sql.list_new_changes_for, user_id, start, head, limit)

    def _bounds(self, tx: Transaction, after: int | None) -> tuple[int, int]:
        """Where to begin, and the number of the last change. Raises `Gone`."""
        bounds = tx.row(self._sql.get_feed_bounds)
        start = bounds["floor"] if after is None else after
        if not bounds["floor"] <= start <= bounds["head"]:
            raise Gone()
        return start, bounds["head"]

    def _page(
        self, tx: Transaction, statement: Statement, user_id: str, start: int, head: int, limit: int
    ) -> ChangePage:
        """By a statement that finds a user's changes; all of them for a bot by itself."""
        if user_id:
            rows = tx.all(statement, user_id=user_id, after=start, limit=limit)
        else:
            rows = tx.all(self._sql.list_all_changes, after=start, limit=limit)
        changes = [Change(**row) for row in rows]
        return ChangePage(changes, changes[-1].seq if len(changes) == limit else head)

    def _find_audience(self, tx: Transaction, user_id: str) -> frozenset[str]:
        if not user_id:
            return frozenset((ALL_CHANGES,))
        return frozenset((user_id, *(row["event_id"] for row in tx.all(self._sql.list_audience, user_id=user_id))))

    def find_all_for_user(self, tx: Transaction, user_id: str) -> list[LoggedChange]:
        """What the log says of a user: the changes that name it, those it brought about, and the deletions it is
        told of."""
        return [LoggedChange(**row) for row in tx.all(self._sql.list_changes_naming, user_id=user_id)]

    async def forget(self, before: str) -> None:
        """Removes what is older than a time (RFC 3339), a little at a time, so that writers need not wait long."""

        def sweep(tx: Transaction) -> int:
            return tx.run(self._sql.forget_changes, before=before, now=tx.now, limit=_MAX_SWEEP)

        while await self._database.write(sweep) == _MAX_SWEEP:
            pass
