"""A faster start of the servers in tests: what is the same for each new server is done once for all of a worker.

The first server, and the programs that tests start, do all of it.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from sqlite3 import Connection
from typing import Any

import pytest

from eventorg import core
from eventorg.domain.values import Clock, rfc3339
from eventorg.storage import statements
from eventorg.storage.copies import Progress, no_progress
from eventorg.storage.migrations import Component
from eventorg.storage.schema import prepare
from eventorg.storage.statements import Statement, Statements
from tests.programs import CHECKOUT


@pytest.fixture(scope="session", autouse=True)
def quick_start() -> Iterator[None]:
    """Reads each SQL file of the checkout once, and compiles and migrates once what is the same."""
    with pytest.MonkeyPatch.context() as patch:
        _read_once(patch)
        _compile_once(patch)
        _migrate_once(patch)
        yield


def _read_once(patch: pytest.MonkeyPatch) -> None:
    read = statements._read
    kept = cache(lambda file: tuple(read(file)))

    def read_once(file: Path) -> Iterable[Statement]:
        return kept(file) if file.is_relative_to(CHECKOUT) else read(file)

    patch.setattr(statements, "_read", read_once)


def _compile_once(patch: pytest.MonkeyPatch) -> None:
    """Compiles the same statements once against the same schema. A statement that is wrong is compiled each time."""
    check = Statements.check
    compiled: dict[Any, dict[str, Statement]] = {}

    def check_once(self: Statements, connection: Connection, prefix: str = "") -> None:
        schema = tuple(map(tuple, connection.execute("SELECT name, sql FROM sqlite_master ORDER BY rowid")))
        key = (prefix, schema, tuple(self))
        if key not in compiled:
            check(self, connection, prefix)
            compiled[key] = self._by_name
        self._by_name = compiled[key]

    patch.setattr(Statements, "check", check_once)


def _migrate_once(patch: pytest.MonkeyPatch) -> None:
    """Copies a new file that the same migrations have made at the same time of the server's clock."""
    made: dict[Any, tuple[list[str], bytes]] = {}

    def prepare_once(
        path: Path,
        components: list[Component],
        clock: Clock,
        progress: Progress = no_progress,
        *,
        is_known_to_be_sound: bool = False,
    ) -> list[str]:
        if path.exists() or path.is_symlink() or not path.parent.is_dir():
            return prepare(path, components, clock, progress, is_known_to_be_sound=is_known_to_be_sound)
        files = [(each.name, each.prefix, file.name, file.read_bytes()) for each in components for file in each.files()]
        key = (rfc3339(clock()), *files)
        if key not in made:
            made[key] = prepare(path, components, clock, progress), path.read_bytes()
        else:
            path.touch(mode=0o600)
            path.write_bytes(made[key][1])
        return made[key][0]

    patch.setattr(core, "prepare", prepare_once)
