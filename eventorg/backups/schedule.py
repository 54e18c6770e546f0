"""Makes a backup every few hours while the server runs, and deletes the oldest ones."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from anyio import to_thread

from eventorg.background.repeat import repeating
from eventorg.backups.backup import back_up
from eventorg.domain.values import Clock
from eventorg.errors import OperatorError, SettingError
from eventorg.settings import Settings
from eventorg.storage.copies import temporary_beside

PAUSE = timedelta(minutes=1)
"""The time between two checks for a due backup."""
PAUSE_AFTER_FAILURE = timedelta(minutes=10)
_TIME = "%Y%m%dT%H%M%SZ"

log = structlog.get_logger("eventorg.backups")


class BackupSchedule:
    """The backups of a database in a folder, named `<database>-<UTC time>.db`. Leaves files with other names alone."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._database: Final = settings.database_path
        self._folder: Final = Path(settings.backups).absolute()
        self._every: Final = timedelta(hours=settings.backup_hours)
        self._kept: Final = settings.backups_kept
        self._clock = clock
        own = rf"{re.escape(self._database.stem)}-(\d{{8}}T\d{{6}}Z)\.db"
        self._name: Final = re.compile(own)
        self._half: Final = re.compile(rf"\.{own}\.[0-9a-f]{{8}}(-\w+)?")  # an unfinished backup of a killed process
        self._stopping: Final = threading.Event()

    def check_folder(self) -> None:
        """Raises `SettingError` if no backup can be written to the folder."""
        try:
            with temporary_beside(self._folder / f"{self._database.stem}-{self._clock().astimezone(UTC):{_TIME}}.db"):
                pass
        except OSError as error:
            reason = f"Cannot write backups to {self._folder}: {error.strerror}"
            raise SettingError("EVENTORG_BACKUPS", reason) from None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Makes each backup when it is due, until the block ends. A backup in progress is then discarded."""
        async with repeating(self._check):
            try:
                yield
            finally:
                self._stopping.set()

    async def _check(self) -> None:
        pause = PAUSE
        try:
            if made := await to_thread.run_sync(self.run_if_due):
                log.info("backup_created", file=str(made))
        except Exception as error:
            if not self._stopping.is_set():
                log.error("backup_failed", error=str(error))
            pause = PAUSE_AFTER_FAILURE
        await asyncio.sleep(pause.total_seconds())

    def run_if_due(self) -> Path | None:
        """Makes a backup if the newest one is old enough, and returns its file or None.

        Then deletes the oldest backups beyond the number to keep. Blocks. Raises `OperatorError` or `OSError`, and
        deletes nothing in that case.
        """
        if not self._folder.is_dir():
            raise OperatorError(f"The folder {self._folder} for backups does not exist. Create it.")
        now = self._clock().astimezone(UTC)
        newest = max(self._find(), default=None)
        if (
            newest and newest[0] <= now < newest[0] + self._every
        ):  # the newest backup is dated in the future: the clock was wrong
            return None
        for file in self._folder.iterdir():
            if self._half.fullmatch(file.name):
                file.unlink()
        made = self._folder / f"{self._database.stem}-{now:{_TIME}}.db"
        back_up(self._database, made, self._stop)
        for _, file in sorted(self._find())[: -self._kept]:
            if file != made:
                file.unlink()
        return made

    def _find(self) -> list[tuple[datetime, Path]]:
        """Returns the existing backups with their times."""
        return [
            (datetime.strptime(match[1], _TIME).replace(tzinfo=UTC), file)
            for file in self._folder.iterdir()
            if (match := self._name.fullmatch(file.name))
        ]

    def _stop(self, *_: object) -> None:
        """Ends a backup between two of its steps, if the server is stopping."""
        if self._stopping.is_set():
            raise OperatorError("The server is stopping.")
