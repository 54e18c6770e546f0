"""Plugins that cannot be loaded: each fails at start-up with one sentence about the error and its place."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from eventorg.cli import COMMANDS, main
from eventorg.errors import OperatorError
from eventorg.extensions.loader import check_names
from eventorg.extensions.names import TAKEN, is_possible_name
from eventorg.settings import Settings
from eventorg.storage.schema import core_component, prepare
from eventorg.testing import Clock
from tests.extensions.broken_plugins import (
    NUMBER,
    REFUSED,
    ROUTE,
    SETTINGS_REFUSED,
    TABLE,
    asking,
    migrating,
    tea,
)
from tests.extensions.plugin_files import write
from tests.programs import run, sentence


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the plugins to load. Nothing is served."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVENTORG_DATABASE", str(tmp_path / "eventorg.db"))
    monkeypatch.setenv("EVENTORG_PLUGINS_DIR", str(tmp_path / "plugins"))

    def refuse(*_: object) -> None:
        raise OperatorError("It would be served.")

    monkeypatch.setattr("eventorg.serving.server.listen", refuse)
    (tmp_path / "plugins").mkdir()
    return tmp_path / "plugins"


def start(folder: Path, files: dict[str, str], monkeypatch: pytest.MonkeyPatch, **settings: str) -> int:
    """The exit status of `eventorg serve`."""
    monkeypatch.setenv("EVENTORG_PLUGINS", ",".join(write(folder, files)) or "none")
    for name, value in settings.items():
        monkeypatch.setenv(f"EVENTORG_{name}", value)
    with pytest.raises(SystemExit) as end:
        main(["serve"])
    assert isinstance(end.value.code, int)
    return end.value.code


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_in_one_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], case: str
) -> None:
    files, words = REFUSED[case]
    assert start(folder, files, monkeypatch) == 1
    printed = capfd.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"eventorg: {words.replace('{dir}', str(folder))}")
    assert re.fullmatch(r"eventorg: .+[^.]\.\n", printed.err)


@pytest.mark.parametrize("case", SETTINGS_REFUSED)
def test_a_setting_is_refused_by_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], case: str
) -> None:
    files, settings, words = SETTINGS_REFUSED[case]
    assert start(folder, files, monkeypatch, **settings) == 2
    printed = capfd.readouterr()
    assert printed.err.startswith(f"eventorg: {words.replace('{cwd}', str(folder.parent))}")
    assert re.fullmatch(r"eventorg: .+[^.]\.\n", printed.err)


def test_two_packages_with_a_plugin_of_one_name_are_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("green-tea", "black-tea"):
        metadata = folder / f"{package}.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1\n", encoding="utf-8")
        (metadata / "entry_points.txt").write_text("[eventorg.plugins]\ntea = tea\n", encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    with pytest.raises(OperatorError, match=r"Remove one: the package \w+-tea or the package \w+-tea"):
        check_names(Settings())


def test_what_is_refused_above_is_served_when_it_is_right(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    fields = (
        "routes=[answer]",
        "requires='>=0.1,<99'",
        "on={EventCreated: hear}",
        "settings=Own",
        "migrations=HERE / 'm'",
    )
    source = tea(*fields, "statements=HERE", before=ROUTE.format(path="/cups") + NUMBER)
    files = asking("-- name: empty()!\nDELETE FROM tea_cups;\n") | {"tea/__init__.py": source}
    assert start(folder, files, monkeypatch, TEA_NUMBER="1") == 1
    assert capfd.readouterr().err == "eventorg: It would be served.\n"


def test_a_migration_that_was_edited_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    start(folder, migrating(TABLE), monkeypatch)
    capfd.readouterr()
    start(folder, migrating(TABLE + "-- edited\n"), monkeypatch)
    words = (
        "The migration 0001_initial.sql of tea has changed since it was applied. Restore the original file, and add a "
        "new migration for the change."
    )
    assert capfd.readouterr().err == f"eventorg: Cannot use the database {folder.parent}/eventorg.db: {words}\n"


def test_the_program_ends_with_the_sentence_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "tea.py").write_text("import nothing_of_this_name\n")
    said = sentence(run(tmp_path / "eventorg.db", "serve", plugins="tea", plugins_dir=str(tmp_path)))
    assert said.startswith(f"The plugin tea cannot be imported: {tmp_path}/tea.py:1: ModuleNotFoundError")


def test_tests_beside_a_plugin_are_no_plugins(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    write(folder, {"test_tea.py": "1 / 0\n", "conftest.py": "1 / 0\n", "README.md": "", "data/tea.txt": ""})
    assert start(folder, {"tea.py": tea()}, monkeypatch) == 1
    assert capfd.readouterr().err == "eventorg: It would be served.\n"


def test_what_is_not_wanted_is_not_imported(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    write(folder, {"coffee.py": "1 / 0\n"})
    assert start(folder, {"tea.py": tea()}, monkeypatch, COFFEE_SUGAR="1") == 1
    assert capfd.readouterr().err == "eventorg: It would be served.\n"


def test_names_that_are_the_cores_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "eventorg.db"
    prepare(path, [core_component()], Clock())
    with closing(sqlite3.connect(path)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    owned = {*Settings.__struct_fields__, *tables, *COMMANDS}
    beginnings = {name[: match.start()] for name in owned for match in re.finditer("_|$", name)}
    assert [name for name in beginnings if is_possible_name(name) and (name in COMMANDS or name not in owned)] == [
        "telegram_bot"
    ]
    assert [name for name in TAKEN if name not in beginnings | {"eventorg", "none", "sqlite"}] == []
