"""The users whom no message reaches: a bot has reported so. It ends when they act again."""

from typing import Final

from eventorg.domain.errors import DomainError
from eventorg.logger import Logger
from eventorg.storage.database import Database
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction

log = Logger("eventorg.reachability")


class Reachability:
    """Remembers the unreachable users, so that a request of anybody else costs a look into a set."""

    def __init__(self, database: Database, sql: Statements) -> None:
        self._database = database
        self._sql = sql
        self._unreachable: Final[set[str]] = set()
        """At least those of the database, never fewer."""

    async def load(self) -> None:
        """Reads the unreachable users from the database. Call it before the first request."""
        rows = await self._database.read(lambda tx: tx.all(self._sql.list_unreachable_users))
        self._unreachable.update(row["user_id"] for row in rows)

    def end(self, tx: Transaction, user_id: str) -> None:
        """Marks a user as unreachable and stops the deliveries that wait."""
        self._unreachable.add(user_id)
        tx.run(self._sql.mark_unreachable, user_id=user_id)
        tx.run(self._sql.stop_deliveries, user_id=user_id)

    def begin(self, tx: Transaction, user_id: str) -> None:
        """Marks a user as reachable."""
        tx.run(self._sql.mark_reachable, user_id=user_id)

    async def note_act(self, user_id: str) -> None:
        """Marks a user as reachable who has sent a request, or for whom a bot has sent one."""
        if user_id not in self._unreachable:
            return
        try:
            await self._database.write(lambda tx: self.begin(tx, user_id))
        except DomainError as error:  # for example a full disk: it is noted at the next request
            log.warning("reachability_update_failed", user_id=user_id, error=error.code)
        else:
            self._unreachable.discard(user_id)
