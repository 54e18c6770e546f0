"""The change log: one row per fact, written in the transaction of the change itself, and read as a feed."""

from eventorg.domain.callers import Caller
from eventorg.domain.errors import Gone
from eventorg.domain.exports import LoggedChange
from eventorg.domain.facts import ALL_CHANGES, Change, ChangePage, NewChange
from eventorg.storage.database import Database
from eventorg.storage.statements import Statement, Statements
from eventorg.storage.transactions import Transaction

MAX_LOOKED_UP = 50
"""The number of new changes up to which the event loop searches them itself."""
_MAX_SWEEP = 1_000


class ChangeRepository:
    """Records changes and finds them in commit order."""

    def __init__(self, database: Database, sql: Statements) -> None:
        self._database = database
        self._sql = sql

    def record(self, tx: Transaction, fact: NewChange, by: Caller) -> None:
        """Adds a change to the log, with the user and the bot that made it. Listeners receive it once `tx` is
        committed.

        Record the deletion of an event before you delete it, so that its audience is still told.
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
        """Returns the changes for the caller after a number (None: the oldest stored one), and the caller's audience.

        The audience is empty if there are changes. Otherwise it has the IDs whose changes the caller receives: the
        user's own and those of the events that the user hosts or attends, or `ALL_CHANGES` for a bot by itself. Raises
        `Gone` for a number that is no longer stored.
        """
        user_id = caller.user_id

        def find_all(tx: Transaction) -> tuple[ChangePage, frozenset[str]]:
            start, head = self._bounds(tx, after)
            page = self._page(tx, self._sql.list_changes_for, user_id, start, head, limit)
            return page, frozenset() if page.changes else self._find_audience(tx, user_id)

        page = await self._database.look_up(
            self._find_new, user_id, after, limit
        )  # usually the caller was woken by a change
        if page is not None and page.changes:
            return page, frozenset()
        return await self._database.read(find_all)

    async def get_head(self) -> int:
        """Returns the number of the last change."""
        bounds = await self._database.read(lambda tx: tx.row(self._sql.get_feed_bounds))
        return int(bounds["head"])

    async def find_after(self, seq: int) -> list[Change]:
        """Returns the changes after a number in commit order, limited to one batch."""
        rows = await self._database.read(lambda tx: tx.all(self._sql.list_all_changes, after=seq, limit=_MAX_SWEEP))
        return [Change(**row) for row in rows]

    def _find_new(self, tx: Transaction, user_id: str, after: int | None, limit: int) -> ChangePage | None:
        start, head = self._bounds(tx, after)
        if head - start > MAX_LOOKED_UP:
            return None
        return self._page(tx, self._sql.list_new_changes_for, user_id, start, head, limit)

    def _bounds(self, tx: Transaction, after: int | None) -> tuple[int, int]:
        """Returns the number to start after, and the number of the last change. Raises `Gone`."""
        bounds = tx.row(self._sql.get_feed_bounds)
        start = bounds["floor"] if after is None else after
        if not bounds["floor"] <= start <= bounds["head"]:
            raise Gone()
        return start, bounds["head"]

    def _page(
        self, tx: Transaction, statement: Statement, user_id: str, start: int, head: int, limit: int
    ) -> ChangePage:
        """Returns a page of a user's changes, found by a statement, or of all changes for a bot by itself."""
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
        """Returns the changes that name a user, that the user made, or that told the user of a deletion."""
        return [LoggedChange(**row) for row in tx.all(self._sql.list_changes_naming, user_id=user_id)]

    async def forget(self, before: str) -> None:
        """Deletes changes older than a time (RFC 3339), a limited number in each transaction so that writers do not
        wait."""

        def sweep(tx: Transaction) -> int:
            return tx.run(self._sql.forget_changes, before=before, now=tx.now, limit=_MAX_SWEEP)

        while await self._database.write(sweep) == _MAX_SWEEP:
            pass
