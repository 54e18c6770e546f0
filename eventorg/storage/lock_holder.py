"""Finds the process that holds the lock of a file, as far as the system tells."""

import os
import pwd
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_UNKNOWN = "another process"


def find_lock_holder(descriptor: int, proc: Path = Path("/proc")) -> str:
    """Returns the process that holds a `flock` on an open file, such as "process 17 (python, user anna)".

    Returns "another process" if the system does not tell, as outside Linux or from within a container.
    """
    return next((f"process {pid}{_describe(proc / pid)}" for pid in _find_holders(descriptor, proc)), _UNKNOWN)


def is_locked(descriptor: int) -> bool:
    """Returns true if a process holds a `flock` on an open file, and the system tells. Does not touch the lock."""
    return any(_find_holders(descriptor, Path("/proc")))


def _find_holders(descriptor: int, proc: Path) -> Iterator[str]:
    """Yields the number of each process that holds a `flock` on an open file."""
    found = os.fstat(descriptor)
    file = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    with suppress(OSError):
        for line in (proc / "locks").read_text(encoding="ascii").splitlines():
            # proc_locks(5): "1: FLOCK ADVISORY WRITE 17 08:01:1234 0 EOF". One that waits has "->" after the number.
            _, kind, _, _, pid, locked, *_ = line.replace("-> ", "").split()
            if kind == "FLOCK" and locked == file and int(pid) > 0:
                yield pid


def _describe(process: Path) -> str:
    with suppress(OSError):
        name = (process / "comm").read_text(errors="replace").strip()
        owner = process.stat().st_uid
        try:
            user = pwd.getpwuid(owner).pw_name
        except KeyError:
            user = str(owner)
        return f" ({name}, user {user})"
    return ""
