"""Connections to the file, the classification of its errors, and the check that it is still in its place."""

import math
import os
import sqlite3
import time
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

from eventorg.domain.errors import DomainError, StorageFull, Unavailable
from eventorg.errors import OperatorError
from eventorg.logger import Logger

Synchronous = Literal["full", "normal"]

BUSY_TIMEOUT_MS = 5_000
_SWITCH_PAUSE_SECONDS: Final = 0.01
RETRY_SECONDS: Final = 30
JOURNAL_BYTES = 64 * 1024 * 1024
"""The size to which the write-ahead log is truncated, and above which a warning is logged."""

WRITER_CACHE_KIB: Final = 32_000
"""SQLite's default of 2,000 is too small for the inner pages of the indexes of a million registrations. The memory is
used as the file grows."""
_CHECKPOINT_PAGES = 4_000
"""16 MiB, four times SQLite's default: a page that changes often is then moved into the file less often."""
_RELIEVED_BYTES = JOURNAL_BYTES // 2
_RELIEF_PATIENCE_MS = 100
_RELIEF_PAUSE_SECONDS = 10
_CACHED_STATEMENTS = 256
_INCREMENTAL = 2
_KEPT_PAGES = 256
_KEPT_PART = 20
"""Free pages that are kept for new data: 1 MiB, or a twentieth of the file."""

log = Logger("eventorg.database")


def connect_writer(
    path: Path, synchronous: Synchronous = "full", *, checkpoints: bool = False, patience_ms: int | None = None
) -> sqlite3.Connection:
    """Returns a connection in autocommit mode that can write, its pragmas set and read back. Raises `OperatorError`.

    A connection with `checkpoints` moves the write-ahead log into the file. Only one may do that, because SQLite before
    3.51.3 can damage a file when two do it at once. The last connection to be closed does it in any case. `patience_ms`
    is how long the connection waits for a lock, `BUSY_TIMEOUT_MS` by default.
    """
    patience = BUSY_TIMEOUT_MS if patience_ms is None else patience_ms
    connection = _connect(path, "rwc", patience)
    try:
        if connection.execute("PRAGMA page_count").fetchone()[0] == 0:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # later, only VACUUM changes it
        mode = _switch_to_wal(connection, patience)
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA cache_size = -{WRITER_CACHE_KIB}")
        connection.execute("PRAGMA secure_delete = ON")  # overwrites deleted data in free pages
        connection.execute(f"PRAGMA journal_size_limit = {JOURNAL_BYTES}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES if checkpoints else 0}")
        if mode != "wal" or connection.execute("PRAGMA foreign_keys").fetchone()[0] != 1:
            raise OperatorError(f"{path} does not support SQLite's WAL mode or foreign keys. Move it to a local disk.")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reader(path: Path, *, patient: bool = True) -> sqlite3.Connection:
    """Returns a connection in autocommit mode that cannot write. It waits for a lock only if it is `patient`."""
    connection = _connect(path, "ro", BUSY_TIMEOUT_MS if patient else 0)
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA trusted_schema = OFF")  # the writer needs it: triggers fill the search index
    return connection


def _switch_to_wal(connection: sqlite3.Connection, patience_ms: int) -> str:
    """Sets the journal mode and returns the resulting one.

    SQLite does not wait while another program switches the same new file: each has a read lock and needs a write lock,
    so two programs could wait for each other. It reports SQLITE_BUSY at once, and this function tries again.
    """
    deadline = time.monotonic() + patience_ms / 1000
    while True:
        try:
            return str(connection.execute("PRAGMA journal_mode = WAL").fetchone()[0])
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
        time.sleep(_SWITCH_PAUSE_SECONDS)


def _connect(path: Path, mode: Literal["ro", "rwc"], patience_ms: int) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode={mode}",
        uri=True,
        timeout=patience_ms / 1000,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=_CACHED_STATEMENTS,
    )
    connection.row_factory = sqlite3.Row
    return connection


def checkpoint(connection: sqlite3.Connection, patience_ms: int = 0) -> bool:
    """Moves the write-ahead log into the file. Returns true if the log is empty afterwards. Waits for readers of older
    states for `patience_ms` at most; who begins to read in the meantime sees the newest state."""
    patience = connection.execute("PRAGMA busy_timeout").fetchone()[0]
    connection.execute(f"PRAGMA busy_timeout = {patience_ms}")
    try:
        return bool(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)
    except sqlite3.Error:  # for example a full disk: committed data stays in the log
        return False
    finally:
        set_patience(connection, patient=patience > 0)


class Pages(Struct, frozen=True):
    """The pages of a file, and those of them that are free."""

    size: int
    """In bytes."""
    count: int
    free: int
    can_shrink: bool

    @property
    def has_excess(self) -> bool:
        """True if there are more free pages than new data should find."""
        return self.free > max(_KEPT_PAGES, self.count // _KEPT_PART)


def count_pages(connection: sqlite3.Connection) -> Pages:
    """Returns the numbers of pages in the transaction of a connection."""
    names = ("page_size", "page_count", "freelist_count", "auto_vacuum")
    size, count, free, mode = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names)
    return Pages(size, count, free, can_shrink=mode == _INCREMENTAL)


def set_patience(connection: sqlite3.Connection, *, patient: bool) -> None:
    """Sets whether a connection waits for a lock or is refused at once."""
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS if patient else 0}")


def roll_back(connection: sqlite3.Connection) -> None:
    """Rolls back the transaction, if there is one."""
    if connection.in_transaction:  # a full disk, for example, has already rolled back
        connection.execute("ROLLBACK")


class OpenedFiles:
    """Checks that the open files still have the names by which they were opened.

    SQLite goes on writing to a file that was moved, deleted or replaced, and that data is lost.
    """

    def __init__(self, path: Path) -> None:
        self._log = f"{path}-wal"
        self._opened = {name: os.stat(name) for name in (str(path), self._log, f"{path}-shm")}
        self._is_lost = False
        self.was_lost = False
        """True once `check` has found a file to be lost, also when it is back."""
        self._is_large = False
        self._log_bytes = 0
        self._relieved_at = -math.inf

    def relieve_log(self, connection: sqlite3.Connection) -> None:
        """Empties the write-ahead log if it has grown although SQLite moves it into the file every 16 MiB.

        SQLite begins the log anew only when nobody reads an older state. Many short readers that overlap would prevent
        that for ever. This waits for those who read at the moment, but not for a long reader, and not often.
        """
        now = time.monotonic()
        if self._log_bytes > _RELIEVED_BYTES and now > self._relieved_at + _RELIEF_PAUSE_SECONDS:
            is_empty = checkpoint(connection, _RELIEF_PATIENCE_MS)
            self._relieved_at = -math.inf if is_empty else now

    def check(self) -> None:
        """Raises `Unavailable` while a name is missing or belongs to another file. It recovers when the file is
        back."""
        lost = self._find_lost()
        if lost and not self._is_lost:
            log.error(
                "database_file_lost", file=lost, remedy="put the file back, or stop the server and restore a backup"
            )
        if self._is_lost and not lost:
            log.warning("database_file_reappeared")
        self._is_lost = lost is not None
        if lost:
            self.was_lost = True
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
                self._check_log_size(found.st_size)
        return None

    def _check_log_size(self, size: int) -> None:
        """Logs once that the write-ahead log has become large. It shrinks when no reader holds an old state."""
        self._log_bytes = size
        if size > JOURNAL_BYTES and not self._is_large:
            log.warning(
                "write_ahead_log_too_large",
                bytes=size,
                limit_bytes=JOURNAL_BYTES,
                error="a long-running reader blocks the checkpoint",
            )
        self._is_large = size > JOURNAL_BYTES


def is_damage(error: BaseException) -> bool:
    """Returns true if an error shows that the file, or the disk that it is on, may be damaged."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR)


def refusal(error: BaseException) -> Exception:
    """Returns the error for the client: an error of the storage is translated, any other one is returned as it is."""
    if not isinstance(error, Exception) or isinstance(error, StopIteration):
        return RuntimeError(f"a transaction function raised {error!r}")  # a future would not carry it
    if not isinstance(error, sqlite3.Error):
        return error
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_INTERRUPT:
            return Unavailable("busy")  # a search that took too long
        case sqlite3.SQLITE_FULL:
            refused: DomainError = StorageFull()
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            refused = Unavailable("busy")
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CORRUPT:
            refused = Unavailable("storage_unavailable", retry_after=RETRY_SECONDS)
        case _:
            return error
    log.error("storage_failed", error=str(error))
    refused.__cause__ = error
    return refused
