"""The change log: one row per fact, written in the transaction of the change itself."""

from eventorg.database import Transaction
from eventorg.domain.facts import Fact
from eventorg.statements import Statements


class ChangeRepository:
    """Records facts."""

    def __init__(self, sql: Statements) -> None:
        self._sql = sql

    def record(self, tx: Transaction, fact: Fact, actor_id: str) -> None:
        """Adds a fact to the log, with the user who brought it about; it is told once `tx` is committed."""
        tx.run(
            self._sql.record_change,
            now=tx.now,
            type=fact.type,
            event_id=fact.event_id,
            user_id=fact.user_id,
            actor_id=actor_id,
        )
