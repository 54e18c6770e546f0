"""Runs eventorg as a person does: a program of its own, told what to do by its environment."""

import json
import os
import pty
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eventorg.settings import Settings
from eventorg.testing import Clock, Server

CHECKOUT = Path(__file__).parents[1]
APP = (sys.executable, "app.py")
EVENTORG = (sys.executable, "-m", "eventorg")
PATIENCE = 60
"""Seconds after which a program that does not do what it should is a failure; no test takes as long."""


def environment(database: Path, **settings: str | int) -> dict[str, str]:
    """This process's environment with these settings of eventorg and no others; no plugins unless they are named."""
    given = {"database": database, "port": 0, "log_format": "json", "plugins": "none"} | settings
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EVENTORG_")}
    return kept | {f"EVENTORG_{name.upper()}": str(value) for name, value in given.items()}


def start(
    database: Path,
    *arguments: str | Path,
    program: Sequence[str] = EVENTORG,
    cwd: Path = CHECKOUT,
    **settings: str | int,
) -> subprocess.Popen[str]:
    """A program that has begun to run, its outputs in pipes."""
    return subprocess.Popen(
        [*program, *map(str, arguments)],
        cwd=cwd,
        env=environment(database, **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(
    database: Path, *arguments: str | Path, program: Sequence[str] = EVENTORG, **settings: str | int
) -> subprocess.CompletedProcess[str]:
    """What a command said and its exit status."""
    with start(database, *arguments, program=program, cwd=CHECKOUT, **settings) as process:
        try:
            stdout, stderr = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def at_a_terminal(database: Path, *arguments: str, types: str = "") -> tuple[int, str]:
    """The exit status of a command and all that a terminal shows of it, where somebody types this."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*EVENTORG, *arguments], cwd=CHECKOUT, env=environment(database), stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b""
        waiting = types.splitlines(keepends=True)
        try:
            while block := os.read(ours, 1024):
                shown += block
                if waiting and shown.rstrip().endswith((b":", b"[y/N]:")) and block.strip():
                    os.write(ours, waiting.pop(0).encode())
        except OSError:
            pass  # the terminal's other side is closed
        status = process.wait(PATIENCE)
    os.close(ours)
    return status, shown.decode()


def sentence(refused: subprocess.CompletedProcess[str], status: int = 1) -> str:
    """The one sentence on standard error that a command ended with, and nothing else, anywhere."""
    assert (refused.returncode, refused.stdout) == (status, ""), refused
    assert refused.stderr.startswith("eventorg: "), refused.stderr
    assert refused.stderr.count("\n") == 1, refused.stderr
    assert refused.stderr.endswith((".\n", "?\n")), refused.stderr
    return refused.stderr.removeprefix("eventorg: ").rstrip("\n")


class Program(Server):
    """A server in a process of its own; its log is read line by line as it comes."""

    def __init__(
        self, process: subprocess.Popen[str], url: str, lines: list[str], log_reader: threading.Thread
    ) -> None:
        super().__init__(url, Clock(), Settings())
        self.process = process
        self._lines = lines
        self._log_reader = log_reader

    def wait(self) -> int:
        """The exit status, once it has ended and its log is read."""
        status = self.process.wait(PATIENCE)
        self._log_reader.join()
        return status

    @property
    def log(self) -> str:
        """All it has written so far."""
        return "".join(self._lines)

    @property
    def records(self) -> list[dict[str, Any]]:
        """The same, line by line; each is a JSON object."""
        return [json.loads(line) for line in self._lines]


@contextmanager
def serving(
    database: Path, program: Sequence[str] = APP, cwd: Path = CHECKOUT, **settings: str | int
) -> Iterator[Program]:
    """A server on a free port; sent SIGTERM when the block ends, if it still runs."""
    lines: list[str] = []
    urls: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    with start(database, program=program, cwd=cwd, **settings) as process:
        try:
            assert process.stderr

            def read_log(stderr: Iterator[str]) -> None:
                for line in stderr:
                    lines.append(line)
                    if '"event": "serving"' in line:
                        urls.put(json.loads(line)["url"])
                urls.put(None)

            log_reader = threading.Thread(target=read_log, args=(process.stderr,))
            log_reader.start()
            url = urls.get(timeout=PATIENCE)
            assert url, "".join(lines)
            served = Program(process, url, lines, log_reader)
            with served.client:
                yield served
            process.terminate()
            process.wait(PATIENCE)
        finally:
            process.kill()
    log_reader.join()
