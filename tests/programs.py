"""Runs eventorg as a separate process that is configured by its environment."""

import json
import multiprocessing
import os
import pty
import queue
import runpy
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TextIO

from eventorg import core
from eventorg.cli import COMMANDS
from eventorg.settings import Settings
from eventorg.testing import Clock, Server, cheap_passwords

CHECKOUT = Path(__file__).parents[1]
APP = (sys.executable, "app.py")
EVENTORG = (sys.executable, "-m", "eventorg")
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([*(f"eventorg.cli.{module}" for module, _ in COMMANDS.values()), "tests.warm_programs"])
PATIENCE = 60
"""Seconds after which a test gives up waiting for a program. No test that passes takes that long."""


def environment(database: Path, **settings: str | int) -> dict[str, str]:
    """Returns this process's environment with only these settings of eventorg. No plugins are loaded by default."""
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
    """Starts a program and returns its process. The outputs are pipes."""
    return subprocess.Popen(
        [*program, *map(str, arguments)],
        cwd=cwd,
        env=environment(database, **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(
    database: Path, *arguments: str | Path, program: Sequence[str] | None = None, **settings: str | int
) -> subprocess.CompletedProcess[str]:
    """Runs a command, and returns its output and exit status.

    `eventorg` is forked from a process that has imported it, which saves half a second of CPU. To test how a program
    starts, name it: `program=EVENTORG`.
    """
    if program is None:
        return _run_forked([*map(str, arguments)], environment(database, **settings))
    with start(database, *arguments, program=program, cwd=CHECKOUT, **settings) as process:
        try:
            stdout, stderr = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def _run_forked(arguments: list[str], variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs `eventorg` in a fork of multiprocessing's fork server, which has no threads and no open database."""
    with TemporaryDirectory() as folder:
        outputs = [Path(folder) / name for name in ("stdout", "stderr")]
        process = FORKS.Process(target=_be_eventorg, args=(arguments, variables, outputs))
        process.start()
        process.join(PATIENCE)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(arguments, PATIENCE)
        stdout, stderr = (output.read_text() for output in outputs)
        return subprocess.CompletedProcess(arguments, process.exitcode, stdout, stderr)


def _be_eventorg(
    arguments: list[str],
    variables: dict[str, str],
    outputs: Sequence["Path | Connection[Any, Any]"],
    cwd: Path = CHECKOUT,
) -> None:
    """Becomes `python -m eventorg` in a process that was just forked, but with cheap passwords.

    Its outputs go to files or pipes.
    """
    vars(core)["Passwords"] = cheap_passwords
    for descriptor, output in enumerate(outputs, start=1):
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT) if isinstance(output, Path) else output.fileno(), descriptor)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(variables)
    sys.argv[1:] = arguments
    runpy.run_module("eventorg", run_name="__main__", alter_sys=True)


def at_a_terminal(database: Path, *arguments: str, types: str = "") -> tuple[int, str]:
    """Runs a command at a terminal where somebody types `types`, and returns its exit status and the text shown."""
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
            pass  # the command has closed the terminal
        status = process.wait(PATIENCE)
    os.close(ours)
    return status, shown.decode()


def sentence(refused: subprocess.CompletedProcess[str], status: int = 1) -> str:
    """Returns the error message of a command that printed one sentence and nothing else."""
    assert (refused.returncode, refused.stdout) == (status, ""), refused
    assert refused.stderr.startswith("eventorg: "), refused.stderr
    assert refused.stderr.count("\n") == 1, refused.stderr
    assert refused.stderr.endswith((".\n", "?\n")), refused.stderr
    return refused.stderr.removeprefix("eventorg: ").rstrip("\n")


class _Fork:
    """`eventorg` in a fork of the fork server. Its log is a pipe."""

    def __init__(self, arguments: list[str], variables: dict[str, str], cwd: Path) -> None:
        self.log, theirs = FORKS.Pipe(duplex=False)
        self.args = arguments
        with theirs:
            outputs = [Path(os.devnull), theirs]
            self._process = FORKS.Process(target=_be_eventorg, args=(arguments, variables, outputs, cwd))
            self._process.start()
        assert self._process.pid
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Returns the exit status. Raises `subprocess.TimeoutExpired`."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()


Process = subprocess.Popen[str] | _Fork


class Program(Server):
    """A server in a separate process. Its log is read as it is written."""

    def __init__(self, process: Process, url: str, lines: list[str], log_reader: threading.Thread) -> None:
        super().__init__(url, Clock(), Settings())
        self.process = process
        self._lines = lines
        self._log_reader = log_reader

    def wait(self) -> int:
        """Waits for the end of the process and of its log, and returns the exit status."""
        status = self.process.wait(PATIENCE)
        self._log_reader.join()
        return status

    @property
    def log(self) -> str:
        """The log so far."""
        return "".join(self._lines)

    @property
    def records(self) -> list[dict[str, Any]]:
        """The log so far as JSON objects, one for each line."""
        return [json.loads(line) for line in self._lines]


@contextmanager
def serving(
    database: Path, program: Sequence[str] | None = None, cwd: Path = CHECKOUT, **settings: str | int
) -> Iterator[Program]:
    """Runs a server on a free port. If it still runs when the block ends, it gets SIGTERM.

    It is forked as `run` does, unless you name the program.
    """
    with started(database, program, cwd, **settings) as (process, log):
        lines: list[str] = []
        urls: queue.SimpleQueue[str | None] = queue.SimpleQueue()

        def read_log() -> None:
            for line in log:
                lines.append(line)
                if '"event": "serving"' in line:
                    urls.put(json.loads(line)["url"])
            urls.put(None)

        log_reader = threading.Thread(target=read_log)
        try:
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


@contextmanager
def started(
    database: Path, program: Sequence[str] | None = None, cwd: Path = CHECKOUT, **settings: str | int
) -> Iterator[tuple[Process, TextIO]]:
    """Starts a server and yields its process and its log. At the end of the block, the process must end by itself."""
    if program is None:
        fork = _Fork(["serve"], environment(database, **settings), cwd)
        with fork.log, os.fdopen(os.dup(fork.log.fileno())) as log:
            try:
                yield fork, log
            finally:
                fork.wait(PATIENCE)
    else:
        with start(database, program=program, cwd=cwd, **settings) as process:
            assert isinstance(process.stderr, TextIOWrapper)
            yield process, process.stderr
