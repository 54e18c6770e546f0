"""Backups by the clock, while the server runs: a new one every so many hours, and the oldest make room."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from anyio import to_thread

from eventorg.backups.backup import back_up
from eventorg.domain.values import Clock
from eventorg.errors import OperatorError, SettingError
from eventorg.settings import Settings
from eventorg.storage.copies import temporary_beside

PAUSE = timedelta(minutes=1)
"""How often it is seen whether one is due."""
PAUSE_AFTER_FAILURE = timedelta(minutes=10)
_TIME = "%Y%m%dT%H%M%SZ"

log = structlog.get_logger("eventorg.rotation")


class BackupSchedule:
    """The backups of a database in a folder, named `<database>-<UTC time>.db`. Files of other names are not touched."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._database: Final = settings.database_path
        self._folder: Final = Path(settings.backups).absolute()
        self._every: Final = timedelta(hours=settings.backup_hours)
        self._kept: Final = settings.backups_kept
        self._clock = clock
        own = rf"{re.escape(self._database.stem)}-(\d{{8}}T\d{{6}}Z)\.db"
        self._name: Final = re.compile(own)
        self._half: Final = re.compile(rf"\.{own}\.[0-9a-f]{{8}}(-\w+)?")  # what a kill left of one
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
        """Makes each backup when it is due until the block ends; one that is being made then is given up."""
        task = asyncio.create_task(self._go_on())
        try:
            yield
        finally:
            self._stopping.set()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _go_on(self) -> None:
        while True:
            pause = PAUSE
            try:
                if made := await to_thread.run_sync(self.run_if_due):
                    log.info("backed up", file=str(made))
            except Exception as error:
                if not self._stopping.is_set():
                    log.error("backup failed", reason=str(error))
                pause = PAUSE_AFTER_FAILURE
            await asyncio.sleep(pause.total_seconds())

    def run_if_due(self) -> Path | None:
        """A new backup, if the newest is old enough; what is more than are kept is removed then, the oldest first.

        Blocks. Raises `OperatorError` and `OSError`; nothing is removed then.
        """
        if not self._folder.is_dir():
            raise OperatorError(f"The folder {self._folder} for backups does not exist; make it.")
        now = self._clock().astimezone(UTC)
        newest = max(self._find(), default=None)
        if newest and newest[0] <= now < newest[0] + self._every:  # one of the future is of a clock that was wrong
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
        """The backups that are there, with their times."""
        return [
            (datetime.strptime(match[1], _TIME).replace(tzinfo=UTC), file)
            for file in self._folder.iterdir()
            if (match := self._name.fullmatch(file.name))
        ]

    def _stop(self, *_: object) -> None:
        """Between two steps of a backup."""
        if self._stopping.is_set():
            raise OperatorError("The server stops.")
