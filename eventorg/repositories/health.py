"""Whether the database answers."""

from eventorg.storage.database import Database
from eventorg.storage.statements import Statements


class HealthRepository:
    """Asks both sides of the database for a sign of life."""

    def __init__(self, database: Database, sql: Statements) -> None:
        self._database = database
        self._sql = sql

    async def probe(self) -> None:
        """Raises `Unavailable` or `StorageFull` if the file cannot be read, or the writer cannot begin."""
        await self._database.read(lambda tx: tx.one(self._sql.probe))
        await self._database.write(lambda tx: tx.one(self._sql.probe))
