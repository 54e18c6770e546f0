"""Environments of their own, made once: one with eventorg alone, as its users set it up, and those of the peers.

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
"""Beside the code, so that what is written is on the disk: /tmp may be memory."""
FASTIFY: Final = Path(__file__).parent / "peers" / "fastify"
_NPM_INSTALL: Final = ("npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel", "error")


class Missing(Exception):
    """What a variant needs is not here, in one sentence."""


class Environment(Struct, frozen=True):
    """The checkout installed into an environment, with one of its extras or none."""

    name: str
    extra: str | None = None

    @property
    def python(self) -> Path:
        return WORK / self.name / "bin" / "python"

    def is_made(self) -> bool:
        """Whether all that is needed today is there."""
        return self._mark.exists() and self._mark.read_text() == self._needed()

    def require(self) -> None:
        """Makes it, if it is not there. Raises `Missing` if it cannot be had."""
        if self.is_made():
            return
        say(f"installing {self._what} into .bench/{self.name}, which takes a minute", stays=True)
        venv.create(WORK / self.name, with_pip=True, clear=True)
        install = [str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        if subprocess.run(
            [*install, "--editable", self._what], cwd=CHECKOUT, stdout=sys.stderr, check=False
        ).returncode:
            raise Missing(f"pip cannot install {self._what} here.")
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
    """What eventorg is run by: the environment it has alone if that is made, or else the present one."""
    return str(ALONE.python) if ALONE.is_made() else sys.executable


def require_node() -> None:
    """Node with fastify and better-sqlite3. Raises `Missing` if they cannot be had."""
    if not shutil.which("node") or not shutil.which("npm"):
        raise Missing("there is no node and npm here.")
    if (FASTIFY / "node_modules" / "better-sqlite3").is_dir():
        return
    say("installing fastify into tests/bench/peers/fastify/node_modules, which takes a minute", stays=True)
    if subprocess.run(_NPM_INSTALL, cwd=FASTIFY, stdout=sys.stderr, check=False).returncode:
        raise Missing("npm cannot install fastify and better-sqlite3 here.")
