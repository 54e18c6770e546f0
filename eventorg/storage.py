"""What can become of the file while it is served: its faults told apart, and the file itself kept in view."""

import os
import sqlite3
from pathlib import Path
from typing import Final

import structlog

from eventorg.domain.errors import DomainError, StorageFull, Unavailable

RETRY_SECONDS: Final = 30
JOURNAL_BYTES = 64 * 1024 * 1024
"""How large the write-ahead log may stay, and from where on it is worth a warning."""

log = structlog.get_logger("eventorg.database")


class Watch:
    """Looks whether what SQLite has open still bears the names it was opened by.

    SQLite goes on writing to a file that was moved, removed or replaced, and what is written there nobody finds again.
    """

    def __init__(self, path: Path) -> None:
        self._log = f"{path}-wal"
        self._opened = {name: os.stat(name) for name in (str(path), self._log, f"{path}-shm")}
        self._is_lost = False
        self._is_large = False

    def check(self) -> None:
        """Raises `Unavailable` while a name is missing or another file's; good again once the file is back."""
        lost = self._find_lost()
        if lost and not self._is_lost:
            log.error("database moved, removed or replaced", file=lost, remedy="put it back, or stop and restore")
        if self._is_lost and not lost:
            log.warning("database is back")
        self._is_lost = lost is not None
        if lost:
            raise Unavailable("storage_unavailable", retry_after=RETRY_SECONDS)

    def _find_lost(self) -> str | None:
        for name, opened in self._opened.items():
            try:
                found = os.stat(name)
            except OSError:
                return name
            if found.st_ino != opened.st_ino or found.st_dev != opened.st_dev:
                return name
            if name is self._log:
                self._weigh(found.st_size)
        return None

    def _weigh(self, size: int) -> None:
        """Says it once when the write-ahead log has grown large: it shrinks again when nobody reads for long."""
        if size > JOURNAL_BYTES and not self._is_large:
            log.warning("write-ahead log is large", bytes=size, reason="somebody reads for long")
        self._is_large = size > JOURNAL_BYTES


def refusal(error: BaseException) -> Exception:
    """What a client is told of a fault of the storage; any other error is itself."""
    if not isinstance(error, Exception) or isinstance(error, StopIteration):
        return RuntimeError(f"a work raised {error!r}")  # a future would not carry it
    if not isinstance(error, sqlite3.Error):
        return error
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_FULL:
            refused: DomainError = StorageFull()
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            refused = Unavailable("busy")
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CORRUPT:
            refused = Unavailable("storage_unavailable", retry_after=RETRY_SECONDS)
        case _:
            return error
    log.error("storage fault", error=str(error))
    refused.__cause__ = error
    return refused


def checkpoint(connection: sqlite3.Connection) -> bool:
    """Whether the write-ahead log is empty now."""
    patience = connection.execute("PRAGMA busy_timeout").fetchone()[0]
    set_patience(connection, 0)  # nobody waits for a slow reader
    try:
        return bool(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)
    except sqlite3.Error:  # a full disk, for one: what is committed stays in the log
        return False
    finally:
        set_patience(connection, patience)


def set_patience(connection: sqlite3.Connection, milliseconds: int) -> None:
    """How long to wait for another connection that holds what is needed."""
    connection.execute(f"PRAGMA busy_timeout = {milliseconds}")
