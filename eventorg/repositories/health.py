"""The health of the database."""

from eventorg.storage.database import Database
from eventorg.storage.statements import Statements


class HealthRepository:
    """Checks that the database can be read and written."""

    def __init__(self, database: Database, sql: Statements) -> None:
        self._database = database
        self._sql = sql

    async def probe(self) -> None:
        """Raises `Unavailable` or `StorageFull` if the file cannot be read, or the writer cannot begin."""
        await self._database.read(lambda tx: tx.one(self._sql.probe))
        await self._database.write(lambda tx: tx.one(self._sql.probe))
