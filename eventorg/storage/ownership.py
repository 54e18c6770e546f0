"""The owner of a file. The side file with the owner's lock remembers the last clean stop: then no check is needed."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from eventorg.errors import OperatorError
from eventorg.storage.lock_holder import find_lock_holder, is_locked

_MARK_BYTES: Final = 200
_SERVED: Final = b"served\n"


class OwnedFile:
    """A file whose owner lock this process holds.

    After a clean stop, the lock file has a mark: the inode, the size, and the time of the last change of the database.
    The mark is void if any of them differs, or if a journal is beside the file. It is so for a file that was copied,
    restored, or edited, and for one that a version without marks has written to.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    def take_mark(self) -> bool:
        """Returns true if nobody has changed the file since its last clean stop. Then deletes the mark: a process that
        is killed leaves none."""
        is_marked = _is_marked(self._path, self._descriptor)
        os.ftruncate(self._descriptor, 0)
        os.fsync(self._descriptor)
        return is_marked

    def announce(self) -> None:
        """Tells other processes that this one has checked the file and serves it."""
        os.pwrite(self._descriptor, _SERVED, 0)

    def put_mark(self) -> None:
        """Marks the file as stopped cleanly. Does nothing if another program has it open, or if the disk fails."""
        with suppress(OSError):
            database = os.open(self._path, os.O_RDONLY)
            try:
                os.fsync(database)
            finally:
                os.close(database)
            if mark := _make_mark(self._path):
                os.pwrite(self._descriptor, mark, 0)
                os.fsync(self._descriptor)


@contextmanager
def owner_lock(path: Path) -> Iterator[OwnedFile]:
    """Holds the file for this process by a lock on a side file. Raises `OperatorError` if another process has it.

    The kernel releases the lock (flock) when the process ends in any way. Readers need no lock.
    """
    require_place(path)
    lock = _lock_file(path)
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise OperatorError(f"{path} cannot be locked for this process: {lock}: {error.strerror}.") from None
    try:
        with suppress(PermissionError):  # another user's file
            os.fchmod(descriptor, 0o600)  # earlier versions created it for all users, who could then hold the lock
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = find_lock_holder(descriptor)
            raise OperatorError(f"{path} is in use by {holder}. Stop that process first.") from None
        yield OwnedFile(path, descriptor)
    finally:
        os.close(descriptor)


def is_known_to_be_sound(path: Path) -> bool:
    """Returns true if a file was stopped cleanly, or if its owner has checked it and runs. Only reads.

    It is for processes that do not own the file.
    """
    try:
        descriptor = os.open(_lock_file(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        is_served = is_locked(descriptor) and os.pread(descriptor, _MARK_BYTES, 0) == _SERVED
        return is_served or _is_marked(path, descriptor)
    finally:
        os.close(descriptor)


def require_place(path: Path) -> None:
    """Raises `OperatorError` if no database can be at a path, so that nothing is created beside it."""
    if not path.parent.is_dir():
        raise OperatorError(f"The folder {path.parent} for the database does not exist. Create it first.")
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise OperatorError(f"{path} is not a regular file, so it cannot be the database.")


def _lock_file(path: Path) -> Path:
    return path.with_name(path.name + ".lock")


def _is_marked(path: Path, descriptor: int) -> bool:
    with suppress(OSError):
        mark = _make_mark(path)
        return mark is not None and os.pread(descriptor, _MARK_BYTES, 0) == mark
    return False


def _make_mark(path: Path) -> bytes | None:
    """Returns the mark for a file as it is now, or None if a journal is beside it. The time (ctime) is that of the last
    change of the contents or the attributes; no program can set it."""
    if any(path.with_name(path.name + suffix).exists() for suffix in ("-wal", "-journal")):
        return None
    found = path.stat()
    return f"stopped inode={found.st_ino} bytes={found.st_size} changed={found.st_ctime_ns}\n".encode()
