"""The results of a run, as they are written to results.json."""

import importlib.metadata
import os
import platform
import sqlite3
import subprocess
from pathlib import Path
from typing import Final

from msgspec import Struct

from eventorg import __version__
from tests.bench.comparison import Comparison, Footprint, Pace
from tests.bench.cores import ALL_CORES
from tests.bench.crowds import Stage
from tests.bench.followers import Followers
from tests.bench.growth import File, Growth
from tests.bench.meanwhile import Meanwhile

_PACKAGES: Final = (
    *("litestar", "msgspec", "uvicorn", "uvloop", "httptools", "aiosqlite", "PyJWT"),
    *("fastapi", "SQLAlchemy", "django", "django-ninja", "gunicorn", "advanced-alchemy"),
)


class Machine(Struct, frozen=True, kw_only=True):
    """The machine and the software that were measured."""

    processor: str
    cores: int
    memory_gib: float
    system: str
    python: str
    sqlite: str
    node: str | None
    wrk: str
    packages: dict[str, str]


class Goal(Struct, frozen=True, kw_only=True):
    """A goal and its measured value. `by_cpu` is the value by processor time, where that applies."""

    name: str
    bound: str
    measured: float | None
    by_cpu: float | None = None
    met: bool | None


class Results(Struct, kw_only=True):
    """All measurements. Rates are requests per second; `rounds` are in the order of measurement."""

    version: str
    made_at: str
    machine: Machine
    pace: Pace
    users: int
    events: int
    registrations: int
    comparisons: list[Comparison] = []
    footprints: list[Footprint] = []
    start_seconds: list[float] = []
    meanwhile: list[Meanwhile] = []
    crowds: list[Stage] = []
    followers: Followers | None = None
    files: list[File] = []
    growths: list[Growth] = []
    goals: list[Goal] = []


def describe_machine() -> Machine:
    """Returns the description of this machine."""
    return Machine(
        processor=_processor(),
        cores=len(ALL_CORES),
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        node=_said("node", "--version"),
        wrk=(_said("wrk", "--version") or "").removeprefix("wrk ").partition(" ")[0],
        packages=dict(_versions()),
    )


def version() -> str:
    """Returns the version of eventorg, with the commit if this is a checkout."""
    commit = _said("git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD")
    return f"{__version__} ({commit})" if commit else __version__


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _versions() -> list[tuple[str, str]]:
    found = []
    for package in _PACKAGES:
        try:
            found.append((package, importlib.metadata.version(package)))
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _said(*command: str) -> str | None:
    """Returns the first line that a program prints, or None if the program is missing."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return (run.stdout.splitlines() or [None])[0]  # type: ignore[list-item]
