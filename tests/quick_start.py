"""A faster start of the servers in tests: what is the same for each new server is done once for all of a worker.

The first server does all of it, and so do the programs that tests start by their names.
"""

import importlib.metadata
import os
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from sqlite3 import Connection
from typing import Any

import httpx
import pytest
from litestar._signature import SignatureModel
from litestar.openapi.datastructures import ResponseSpec
from litestar.utils.signature import ParsedSignature

from eventorg import core
from eventorg.background import mail
from eventorg.domain.values import Clock, rfc3339
from eventorg.extensions import worker
from eventorg.storage import statements
from eventorg.storage.copies import Progress, no_progress
from eventorg.storage.migrations import Component
from eventorg.storage.schema import check_statements, prepare
from eventorg.storage.statements import Statement, Statements
from eventorg.testing import server
from tests.programs import CHECKOUT
from tests.quick_apps import keep_applications
from tests.quick_client import QuickTransport


@pytest.fixture(scope="session", autouse=True)
def quick_start() -> Iterator[None]:
    """Reads each SQL file of the checkout and each handler once, and compiles and migrates once what is the same."""
    with pytest.MonkeyPatch.context() as patch:
        share_parts(patch)
        _migrate_once(patch)
        _look_often(patch)
        patch.setattr(server, "_new_client", _new_client)
        yield


def share_parts(patch: pytest.MonkeyPatch) -> None:
    """Lets the servers and commands of a process share what is the same for each."""
    _read_once(patch)
    _compile_once(patch)
    _parse_once(patch)
    _find_once(patch)
    keep_applications(patch)


def _new_client(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=30, transport=QuickTransport())


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
    """Copies a new file that the same migrations have made at the same time of the server's clock, and does not compile
    again what was compiled against the same file."""
    made: dict[Any, tuple[list[str], bytes]] = {}
    new: dict[Path, Any] = {}
    compiled: dict[Any, dict[str, Statement]] = {}

    def prepare_once(
        path: Path, components: list[Component], clock: Clock, progress: Progress = no_progress, **others: bool
    ) -> list[str]:
        new.pop(path, None)
        if path.exists() or path.is_symlink() or not path.parent.is_dir():
            return prepare(path, components, clock, progress, **others)
        files = [(each.name, each.prefix, file.name, _content(file)) for each in components for file in each.files()]
        key = (rfc3339(clock()), *files)
        if key not in made:
            made[key] = prepare(path, components, clock, progress, **others), path.read_bytes()
        else:
            path.touch(mode=0o600)
            path.write_bytes(made[key][1])
        new[path] = key
        return made[key][0]

    def check_new_once(path: Path, sql: Statements, prefix: str = "") -> None:
        key = new.get(path), prefix, tuple(sql)
        if key not in compiled:
            check_statements(path, sql, prefix)
        if key[0] is not None:
            sql._by_name = compiled.setdefault(key, sql._by_name)

    patch.setattr(core, "prepare", prepare_once)
    patch.setattr(core, "check_statements", check_new_once)


def _content(file: Path) -> object:
    """Returns the content of a file, or the path of one of the checkout, which does not change."""
    return file if file.is_relative_to(CHECKOUT) else file.read_bytes()


def _parse_once(patch: pytest.MonkeyPatch) -> None:
    """Parses the signature of each handler once, and shares the descriptions of its responses. Litestar parses and
    copies them anew for each application."""
    parse, model = ParsedSignature.from_fn, SignatureModel.create
    parsed: dict[Any, ParsedSignature] = {}
    models: dict[Any, type[SignatureModel]] = {}

    def parse_once(fn: Any, names: dict[str, Any]) -> ParsedSignature:
        key = _source_of(fn)
        if key is None:
            return parse(fn, names)
        if key not in parsed:
            parsed[key] = parse(fn, names)
        return parsed[key]

    def model_once(*, fn: Any, parsed_signature: ParsedSignature, dependency_name_set: set[str], **more: Any) -> Any:
        key = (_source_of(fn), frozenset(dependency_name_set))
        if parsed.get(key[0]) is not parsed_signature or any(more.values()):
            return model(fn=fn, parsed_signature=parsed_signature, dependency_name_set=dependency_name_set, **more)
        if key not in models:
            models[key] = model(
                fn=fn, parsed_signature=parsed_signature, dependency_name_set=dependency_name_set, **more
            )
        return models[key]

    patch.setattr(ParsedSignature, "from_fn", parse_once)
    patch.setattr(SignatureModel, "create", model_once)
    patch.setattr(ResponseSpec, "__deepcopy__", lambda self, _: self, raising=False)


def _source_of(function: Any) -> object:
    """Returns a key of functions with the same signature, or None for a function that a test makes."""
    function = getattr(function, "__func__", function)
    if "<locals>" not in getattr(function, "__qualname__", "<locals>"):
        return function
    if function.__module__ in ("eventorg.web.constants", "litestar.routes.http"):  # constants, and answers to OPTIONS
        return function.__code__
    return None


def _look_often(patch: pytest.MonkeyPatch) -> None:
    """Lets the server notice sooner that the clock of a test has jumped."""
    patch.setattr(worker, "TICK_SECONDS", 0.05)
    patch.setattr(mail, "POLL_SECONDS", 0.1)


def _find_once(patch: pytest.MonkeyPatch) -> None:
    """Looks for installed plugins again only if a folder with packages has changed."""
    find = importlib.metadata.entry_points
    found: dict[Any, Any] = {}

    def find_once(**wanted: Any) -> Any:
        folders = tuple((folder, _changed_at(folder)) for folder in sys.path)
        key = (folders, *wanted.items())
        if key not in found:
            found[key] = find(**wanted)
        return found[key]

    patch.setattr(importlib.metadata, "entry_points", find_once)


def _changed_at(folder: str) -> int | None:
    try:
        return os.stat(folder or ".").st_mtime_ns
    except OSError:
        return None
