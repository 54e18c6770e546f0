"""Where the peers' packages are: in environments of their own, made once.

Litestar loads what it finds installed, SQLAlchemy and numpy too: beside them eventorg itself would start later and take
40 MiB more, which is not what its users see.
"""

import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path
from typing import Final

from tests.bench.progress import say

CHECKOUT: Final = Path(__file__).parents[2]
WORK: Final = CHECKOUT / ".bench"
"""Beside the code, so that what is written is on the disk: /tmp may be memory."""
FASTIFY: Final = Path(__file__).parent / "peers" / "fastify"
PYTHON: Final = WORK / "peers" / "bin" / "python"
_NPM_INSTALL: Final = ("npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel", "error")


class Missing(Exception):
    """What a variant needs is not here, in one sentence."""


def require_python_peers() -> None:
    """An environment with the extra `bench`. Raises `Missing` if it cannot be had."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extra = "\n".join(project["optional-dependencies"]["bench"])
    installed = WORK / "peers" / "installed"
    if installed.exists() and installed.read_text() == extra:
        return
    say("installing the Python peers into .bench/peers, which takes a minute", stays=True)
    venv.create(WORK / "peers", with_pip=True, clear=True)
    install = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--editable", ".[bench]"]
    if subprocess.run(install, cwd=CHECKOUT, stdout=sys.stderr, check=False).returncode:
        raise Missing("pip cannot install the extra `bench` here.")
    installed.write_text(extra)


def require_node() -> None:
    """Node with fastify and better-sqlite3. Raises `Missing` if they cannot be had."""
    if not shutil.which("node") or not shutil.which("npm"):
        raise Missing("there is no node and npm here.")
    if (FASTIFY / "node_modules" / "better-sqlite3").is_dir():
        return
    say("installing fastify into tests/bench/peers/fastify/node_modules, which takes a minute", stays=True)
    if subprocess.run(_NPM_INSTALL, cwd=FASTIFY, stdout=sys.stderr, check=False).returncode:
        raise Missing("npm cannot install fastify and better-sqlite3 here.")
