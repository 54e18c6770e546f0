"""Generates load with wrk, an HTTP load generator (`apt install wrk`)."""

import json
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec
from msgspec import Struct

from tests.bench.cores import LOAD_CORES, pin

SCRIPT: Final = Path(__file__).with_name("wrk.lua")
TIMEOUT_SECONDS = 10


class Failed(Exception):
    """A measurement is invalid: the server answered wrongly or not at all."""


class Load(Struct, frozen=True, kw_only=True):
    """Requests with one method: each path with each caller in turn. A caller is a token and a body; both may be empty.
    After the last pair, the first one follows."""

    method: str
    paths: list[str]
    callers: list[tuple[str, str]]
    connections: int

    @property
    def pairs(self) -> int:
        return len(self.paths) * len(self.callers)


class Measurement(Struct, frozen=True, kw_only=True):
    """The measurement of one round."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    cpu_us: float = 0.0
    """The server's processor time per request. Other programs on the machine affect it less than the rate."""

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


class _Said(Measurement, frozen=True, kw_only=True):
    failures: int


class Wrk:
    """A running wrk with one thread. `finish` waits for its measurement."""

    def __init__(self, url: str, load: Load, seconds: int, place: int = 0) -> None:
        self._folder = TemporaryDirectory(prefix="eventorg-bench-")
        paths, callers = Path(self._folder.name, "paths"), Path(self._folder.name, "callers")
        paths.write_text("".join(f"{path}\n" for path in load.paths), encoding="utf-8")
        callers.write_text("".join(f"{token}\t{body}\n" for token, body in load.callers), encoding="utf-8")
        options = ["--threads", "1", "--connections", load.connections, "--duration", f"{seconds}s"]
        options += ["--timeout", f"{TIMEOUT_SECONDS}s", "--script", SCRIPT, url, "--"]
        command = ["wrk", *options, load.method, paths, callers, place]
        self._process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)
        pin(self._process.pid, LOAD_CORES)

    def finish(self) -> Measurement:
        """Returns the measurement. Raises `Failed` if an answer was missing or not 2xx."""
        with self._folder:
            output, _ = self._process.communicate()
        if self._process.returncode:
            raise Failed(f"wrk ended with exit status {self._process.returncode}.")
        said = msgspec.json.decode(output.splitlines()[-1], type=_Said)
        if said.failures or not said.requests:
            raise Failed(f"{said.failures} of {said.requests} requests failed.")
        return Measurement(requests=said.requests, seconds=said.seconds, p50_ms=said.p50_ms, p99_ms=said.p99_ms)


def dump(load: Load) -> str:
    """Returns the load as JSON, for the loop in a separate process."""
    return json.dumps({"paths": load.paths, "callers": [token for token, _ in load.callers]})
