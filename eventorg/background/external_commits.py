"""Notices what other processes commit to the file, such as the operator's commands: SQLite tells nobody by itself."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog

from eventorg.domain.facts import Change
from eventorg.repositories.changes import ChangeRepository
from eventorg.storage.database import Database

PAUSE_SECONDS = 0.25

log = structlog.get_logger("eventorg.watching")


class ExternalCommits:
    """Looks at the file's version four times a second: one question to SQLite, and no more while nobody else writes.

    What others have done is told to the database's listeners like what this process does, only later.
    """

    def __init__(self, database: Database, changes: ChangeRepository) -> None:
        self._database = database
        self._changes = changes
        self.listeners: Final[list[Callable[[], None]]] = []
        """Called on the event loop when another process has committed, whatever that was: a change that is logged, or a
        token revoked. Whoever keeps something read from the file forgets it then."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Looks again and again until the block ends; what is committed after it has begun is not missed."""
        self._version = await self._database.data_version()
        self._told = await self._changes.get_head()

        async def poll_for_ever() -> None:
            while True:
                await asyncio.sleep(PAUSE_SECONDS)
                try:
                    await self.poll()
                except Exception as error:
                    log.warning("put off", reason=str(error))

        self._database.listeners.append(self._follow)
        task = asyncio.create_task(poll_for_ever())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            self._database.listeners.remove(self._follow)

    async def poll(self) -> bool:
        """Whether another process has committed since the last look; if so, all who listen have been told by then.

        Raises `Unavailable` if the file cannot be read.
        """
        version = await self._database.data_version()
        if version == self._version:
            return False
        for listener in self.listeners:
            listener()
        while news := await self._changes.find_after(self._told):
            self._told = news[-1].seq
            self._database.tell(news)
            if any(change.type == "user.deleted" for change in news):
                await self._database.scrub()  # its own process may not: this one alone empties the log
        self._version = version  # last, so that what was put off is looked for again
        return True

    def _follow(self, news: list[Change]) -> None:
        """This process has told of its own changes; a gap before them is another's, and still to be told."""
        if news[0].seq == self._told + 1:
            self._told = news[-1].seq
