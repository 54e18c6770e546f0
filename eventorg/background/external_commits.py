"""Detects what other processes commit to the file, such as the operator's commands. SQLite sends no notification."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from eventorg.background.repeat import repeating
from eventorg.domain.facts import Change
from eventorg.repositories.changes import ChangeRepository
from eventorg.storage.database import Database

PAUSE_SECONDS = 0.25

log = structlog.get_logger("eventorg.external_commits")


class ExternalCommits:
    """Polls the file's version four times a second, which costs one PRAGMA while no other process writes.

    The database's listeners receive the changes of other processes as they receive those of this one, only later.
    """

    def __init__(self, database: Database, changes: ChangeRepository) -> None:
        self._database = database
        self._changes = changes

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Polls until the block ends. Detects every commit after the start of the block."""
        self._version = await self._database.data_version()
        self._seen = await self._changes.get_head()

        async def poll_after_a_pause() -> None:
            await asyncio.sleep(PAUSE_SECONDS)
            try:
                await self.poll()
            except Exception as error:
                log.warning("external_commits_poll_failed", error=str(error))

        self._database.listeners.append(self._follow)
        try:
            async with repeating(poll_after_a_pause):
                yield
        finally:
            self._database.listeners.remove(self._follow)

    async def poll(self) -> bool:
        """Returns true if another process has committed since the last poll. The listeners have its changes by then.

        Raises `Unavailable` if the file cannot be read.
        """
        version = await self._database.data_version()
        if version == self._version:
            return False
        while news := await self._changes.find_after(self._seen):
            self._seen = news[-1].seq
            self._database.notify(news)
            if any(change.type == "user.deleted" for change in news):
                await self._database.scrub()  # only this process may empty the write-ahead log
        self._version = version  # last, so that a failed poll is repeated
        return True

    def _follow(self, news: list[Change]) -> None:
        """Skips this process's own changes. A gap before them belongs to another process, and is still to be read."""
        if news[0].seq == self._seen + 1:
            self._seen = news[-1].seq
