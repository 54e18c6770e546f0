"""Virtual environments for the benchmark, made once: one with only eventorg, and one with the peers.

Litestar loads what it finds installed, pydantic, SQLAlchemy and numpy too: beside them eventorg would start later and
take up to 40 MiB more, which is not what its users see.
"""

import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path
from typing import Final

from msgspec import Struct

from tests.bench.progress import say

CHECKOUT: Final = Path(__file__).parents[2]
WORK: Final = CHECKOUT / ".bench"
"""A folder in the checkout, because /tmp may be in memory, and the benchmark must write to a disk."""
FASTIFY: Final = Path(__file__).parent / "peers" / "fastify"
_NPM_INSTALL: Final = ("npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel", "error")


class Missing(Exception):
    """Something that a variant needs is missing, in one sentence."""


class Environment(Struct, frozen=True):
    """A virtual environment with the checkout, and with one of its extras or none."""

    name: str
    extra: str | None = None

    @property
    def python(self) -> Path:
        return WORK / self.name / "bin" / "python"

    def is_made(self) -> bool:
        """Returns true if everything that is needed now is installed."""
        return self._mark.exists() and self._mark.read_text() == self._needed()

    def require(self) -> None:
        """Makes the environment if it is not up to date. Raises `Missing` if that fails."""
        if self.is_made():
            return
        say(f"installing {self._what} into .bench/{self.name}, which takes a minute", stays=True)
        venv.create(WORK / self.name, with_pip=True, clear=True)
        install = [str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        if subprocess.run(
            [*install, "--editable", self._what], cwd=CHECKOUT, stdout=sys.stderr, check=False
        ).returncode:
            raise Missing(f"pip cannot install {self._what}.")
        self._mark.write_text(self._needed())

    @property
    def _what(self) -> str:
        return f".[{self.extra}]" if self.extra else "."

    @property
    def _mark(self) -> Path:
        return WORK / self.name / "installed"

    def _needed(self) -> str:
        project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        more = project["optional-dependencies"][self.extra] if self.extra else []
        return "\n".join([*project["dependencies"], *more])


ALONE: Final = Environment("eventorg")
PEERS: Final = Environment("peers", "bench")


def eventorg_python() -> str:
    """Returns the Python that runs eventorg: that of its own environment if there is one, or else the current one."""
    return str(ALONE.python) if ALONE.is_made() else sys.executable


def require_node() -> None:
    """Installs fastify and better-sqlite3 for Node. Raises `Missing` if that fails."""
    if not shutil.which("node") or not shutil.which("npm"):
        raise Missing("node or npm is not installed.")
    if (FASTIFY / "node_modules" / "better-sqlite3").is_dir():
        return
    say("installing fastify into tests/bench/peers/fastify/node_modules, which takes a minute", stays=True)
    if subprocess.run(_NPM_INSTALL, cwd=FASTIFY, stdout=sys.stderr, check=False).returncode:
        raise Missing("npm cannot install fastify and better-sqlite3.")
