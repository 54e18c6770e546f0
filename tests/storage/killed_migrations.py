"""Migrates new files and is killed by kill -9 before a statement of each, run as a program.

`python -m tests.storage.killed_migrations FOLDER STEP` is killed before the first statement, the one `STEP` after it,
and so on. It prints the name of each file as it was left, and the statement. The last file is migrated to its end.

A process is forked for each, which needs one without threads.
"""

import os
import signal
import sys
from contextlib import closing
from itertools import count
from pathlib import Path

from eventorg.core import Core
from eventorg.settings import Settings
from eventorg.storage.migrations import Component, migrate
from eventorg.storage.sqlite import connect_writer

NOW = "2027-01-01T12:00:00Z"


def apply(path: Path, components: list[Component], fatal: int) -> None:
    """Applies all pending files; the process kills itself before statement number `fatal`."""
    done = 0

    def kill_in_time(sql: str) -> None:
        nonlocal done
        if sql.startswith("--"):
            return  # a statement of SQLite's own, in one of ours
        if done == fatal:
            print(path, " ".join(sql.split())[:80], flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        done += 1

    with closing(connect_writer(path)) as connection:
        connection.set_trace_callback(kill_in_time)
        migrate(connection, components, NOW)


def main(folder: Path, step: int) -> None:
    components = Core(Settings()).components
    for number in count(0, step):
        path = folder / f"{number}.db"
        child = os.fork()
        if child == 0:
            apply(path, components, number)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        assert status in (0, signal.SIGKILL), status
        if status == 0:
            print(path, "whole")
            break


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
