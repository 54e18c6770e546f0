"""The servers that are compared. Each is one process with production settings, on a copy of the same file."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
from msgspec import Struct

from tests.bench import cores
from tests.bench.dataset import SECRET
from tests.bench.environments import CHECKOUT, FASTIFY, PEERS, eventorg_python, require_node
from tests.bench.load import Failed, Load, Measurement, Wrk

PATIENCE_SECONDS = 60.0
_UVICORN: Final = (
    *("--loop", "uvloop", "--http", "httptools"),
    *("--no-access-log", "--log-level", "warning", "--no-server-header"),
)


class Variant(Struct, frozen=True, kw_only=True):
    """A server to compare. In its command, `{port}` is its port, and `{python}` runs eventorg."""

    name: str
    label: str
    command: tuple[str, ...] = ()
    settings: dict[str, str] = {}
    is_limit: bool = False
    """It neither checks tokens nor stores registrations."""


def _uvicorn(module: str) -> tuple[str, ...]:
    return (str(PEERS.python), "-m", "uvicorn", f"tests.bench.peers.{module}:app", "--port", "{port}", *_UVICORN)


_EVENTORG: Final = ("{python}", "-m", "eventorg", "serve")
_WITH_GATES: Final = ("questions", "series")
_OTHERS: Final = ",".join(
    file.parent.name
    for file in sorted((CHECKOUT / "plugins").glob("*/__init__.py"))
    if file.parent.name not in _WITH_GATES
)
VARIANTS: Final = [
    Variant(name="eventorg", label="eventorg", command=_EVENTORG),
    Variant(
        name="normal",
        label="eventorg, synchronous=NORMAL",
        command=_EVENTORG,
        settings={"EVENTORG_SYNCHRONOUS": "normal"},
    ),
    Variant(
        name="gateless",
        label="eventorg, no plugin with a gate",
        command=_EVENTORG,
        settings={"EVENTORG_PLUGINS": _OTHERS},
    ),
    Variant(
        name="single",
        label="eventorg, a commit per request",
        command=("{python}", "-m", "tests.bench.ungrouped", "serve"),
    ),
    Variant(
        name="bare",
        label="a bare Litestar route",
        command=("{python}", "-m", "tests.bench.peers.bare", "{port}"),
        is_limit=True,
    ),
    Variant(name="sqlite3", label="sqlite3 in a loop", is_limit=True),
    Variant(
        name="fastapi",
        label="FastAPI + SQLAlchemy",
        command=_uvicorn("fastapi_sqlalchemy"),
    ),
    Variant(
        name="django",
        label="Django + Ninja",
        command=(
            *(str(PEERS.python), "-m", "gunicorn", "tests.bench.peers.django_ninja:application"),
            *("--bind", "127.0.0.1:{port}", "--workers", "1", "--worker-class", "gthread", "--threads", "4"),
            *("--keep-alive", "30", "--log-level", "warning"),
        ),
        settings={"DJANGO_SETTINGS_MODULE": "tests.bench.peers.django_settings"},
    ),
    Variant(
        name="alchemy",
        label="Litestar + advanced-alchemy",
        command=_uvicorn("litestar_alchemy"),
    ),
    Variant(
        name="fastify",
        label="fastify + better-sqlite3",
        command=("node", str(FASTIFY / "server.mjs")),
    ),
]


def require(variant: Variant) -> None:
    """Installs what a variant needs, unless it is there. Raises `Missing`."""
    match variant.command[0]:
        case "node":
            require_node()
        case program if program == str(PEERS.python):
            PEERS.require()


class Server:
    """A running server. `measure` puts a load on it; no place in the load is used twice."""

    def __init__(self, variant: Variant, database: Path, process: subprocess.Popen[bytes], url: str) -> None:
        self.variant = variant
        self.database = database
        self.process = process
        self.url = url
        self.client = httpx.Client(base_url=url, timeout=PATIENCE_SECONDS)
        self.start_seconds = 0.0
        """The time from the start to the first answer."""
        self._place = 0

    def measure(self, load: Load, seconds: int) -> Measurement:
        """Puts a load on the server and returns the measurement. Raises `Failed`."""
        before = cores.cpu_seconds(self.process.pid)
        measured = Wrk(self.url, load, seconds, self._place).finish()
        used = cores.cpu_seconds(self.process.pid) - before
        self._place += measured.requests + load.connections
        cores.settle(self.process.pid)
        return Measurement(
            requests=measured.requests,
            seconds=measured.seconds,
            p50_ms=measured.p50_ms,
            p99_ms=measured.p99_ms,
            cpu_us=used / measured.requests * 1e6,
        )


@contextmanager
def started(variant: Variant, database: Path, on: set[int] = cores.SERVER_CORES) -> Iterator[Server]:
    """Runs a server on a database and on these cores. It answers when the block begins. Raises `Failed`."""
    port = _free_port()
    settings = {"DATABASE": str(database), "SECRET": SECRET, "PORT": str(port)}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EVENTORG_")}
    environment |= {f"EVENTORG_{name}": value for name, value in settings.items()} | variant.settings
    environment |= {"NODE_ENV": "production"}
    command = [word.format(port=port, python=eventorg_python()) for word in variant.command]
    log = database.with_name(f"{variant.name}.log")
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=output, stderr=output)
    try:
        cores.pin(process.pid, on)
        server = Server(variant, database, process, f"http://127.0.0.1:{port}")
        with server.client:
            _await_answer(server, log)
            server.start_seconds = time.monotonic() - began
            yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_answer(server: Server, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            server.client.get("/health")
            return
        except httpx.TransportError:
            if server.process.poll() is not None or time.monotonic() > deadline:
                last = log.read_text(errors="replace").strip().splitlines()[-1:]
                raise Failed(f"it does not start: {''.join(last)}") from None
        time.sleep(0.005)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
