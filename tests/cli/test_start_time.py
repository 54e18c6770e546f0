"""Commands that serve nothing start fast because they do not import the server."""

import sys
from pathlib import Path

import click
import pytest

from eventorg.cli import COMMANDS, cli
from tests.programs import run

IMPORT_TIMES = (sys.executable, "-X", "importtime", "-m", "eventorg")
SLOW = {"cryptography", "email_validator", "httpx", "jwt", "litestar", "rich", "structlog", "uvicorn"}
"""The packages that take longest to import, each about as long as a whole command."""
LIGHT = [
    ["--version"],
    ["--help"],
    ["token", "list"],
    ["token", "create", "bot", "--scope", "act"],
    ["user", "list"],
    ["backup", "FOLDER/copy.db"],
    ["deploy", "nginx.conf"],
    ["health"],
    ["plugins", "--help"],
    ["plugins", "new", "notes", "--into", "FOLDER"],
]
WITHOUT_PLUGINS = [["migrate"], ["check"]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder with a database in it."""
    folder = tmp_path_factory.mktemp("imports")
    assert run(folder / "eventorg.db", "migrate").returncode == 0
    return folder


def imported(folder: Path, *arguments: str, plugins: str = "") -> set[str]:
    """Returns the slow packages that a command imports."""
    arguments = tuple(argument.replace("FOLDER", str(folder)) for argument in arguments)
    done = run(folder / "eventorg.db", *arguments, program=IMPORT_TIMES, plugins=plugins, port=9)
    assert done.returncode == (1 if arguments == ("health",) else 0), done.stderr
    modules = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "eventorg.cli" in modules
    return {name for name in SLOW if name in modules}


@pytest.mark.parametrize("arguments", LIGHT, ids=" ".join)
def test_a_command_that_serves_nothing_imports_nothing_slow(folder: Path, arguments: list[str]) -> None:
    assert imported(folder, *arguments) == set()


@pytest.mark.parametrize("arguments", WITHOUT_PLUGINS, ids=" ".join)
def test_a_command_imports_litestar_only_for_plugins(folder: Path, arguments: list[str]) -> None:
    assert imported(folder, *arguments, plugins="none") == set()
    assert "litestar" in imported(folder, *arguments, plugins="reminders")


def test_the_help_lists_each_command_with_the_first_sentence_of_its_own_help() -> None:
    context = click.Context(cli)
    listed = " ".join(cli.get_help(context).split())
    for name, (_, summary) in COMMANDS.items():
        command = cli.get_command(context, name)
        assert command is not None
        assert f"{name} {summary}" in listed
        assert " ".join(str(command.help).split()).startswith(summary)
