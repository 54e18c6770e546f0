"""The `eventorg` command: its output, exit status, and help."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from eventorg import __version__
from eventorg.cli import cli, main
from eventorg.extensions.loader import load_plugins
from eventorg.extensions.template import plugin as example
from eventorg.package_data import data_folder
from eventorg.settings import Settings
from eventorg.storage.sqlite import connect_writer
from eventorg.testing import Server
from tests.programs import at_a_terminal, run, sentence


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "eventorg.db"
    monkeypatch.setenv("EVENTORG_DATABASE", str(path))
    monkeypatch.setenv("EVENTORG_PLUGINS", "none")
    return path


def said(*arguments: str) -> str:
    """Runs a command that succeeds and returns its output."""
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return str(result.output)


def test_python_m_eventorg_is_the_command(tmp_path: Path) -> None:
    shown = run(tmp_path / "eventorg.db", "--version")
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, f"eventorg {__version__}\n", "")
    assert list(tmp_path.iterdir()) == []


def walk(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """Yields a command and all of its subcommands, by their full names."""
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        parts = [command.get_command(context, part) for part in command.list_commands(context)]
        for part in parts:
            assert part is not None
            yield from walk(part, f"{name} {part.name}")


def every_command() -> dict[str, click.Command]:
    """Returns the commands of the core, of the bundled plugins, and of the template."""
    plugins = [loaded.plugin for loaded in load_plugins(Settings())] + [example]
    groups = [click.Group(plugin.name, commands=plugin.commands) for plugin in plugins if plugin.commands]
    below = [found for group in groups for found in walk(group, f"eventorg {group.name}") if found[1] is not group]
    return dict([*walk(cli, "eventorg"), *below])


def test_every_help_has_its_own_example() -> None:
    commands = every_command()
    assert {"eventorg webhooks replay", "eventorg example count", "eventorg user reset-password"} <= commands.keys()
    without = []
    for name, command in commands.items():
        shown = " ".join(str(command.help).split())
        if not re.search(rf"Example: (EVENTORG_\w+=\S+ )*{name}\b", shown):
            without.append(name)
    assert without == []


@pytest.mark.parametrize("arguments", [["-h"], ["backup", "-h"], ["user", "create", "--help"]], ids=" ".join)
def test_help_has_two_options(arguments: list[str]) -> None:
    assert "Example: " in said(*arguments)


def test_migrate_prints_what_it_applied(path: Path) -> None:
    files = sorted(file.name for file in (data_folder("sql") / "migrations").iterdir())
    assert said("migrate") == "".join(f"applied eventorg/{name}\n" for name in files)
    assert said("migrate") == "up to date\n"


def test_check_passes_a_sound_file_while_the_server_runs(path: Path, fresh_server: Server) -> None:
    assert fresh_server.settings.database_path == path
    *aspects, version = said("check").splitlines()
    assert aspects == [f"{aspect}: ok" for aspect in ("schema", "integrity", "foreign keys", "counters", "plugins")]
    assert version.startswith(f"SQLite: {sqlite3.sqlite_version}")


def test_check_prints_every_fault_and_fails(path: Path) -> None:
    said("migrate")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO event_hosts VALUES ('no event', 'no user', 'now')")
        connection.execute(
            "UPDATE migrations SET sha256 = 'another' WHERE component = 'eventorg' AND name = '0001_initial.sql'"
        )
        connection.commit()
    result = CliRunner().invoke(cli, "check")
    assert result.exit_code == 1
    first, second = result.stderr.splitlines()
    assert first.startswith("schema: The migration 0001_initial.sql of eventorg has changed")
    assert second.startswith("foreign keys: a row of event_hosts refers to a row of")
    assert "counters: ok\n" in result.stdout


def test_check_finds_wrong_counters_and_failed_changes_of_plugins(path: Path) -> None:
    said("migrate")
    with closing(connect_writer(path)) as connection:
        connection.execute("INSERT INTO plugin_failures VALUES ('hooks', 7, 'user.created', NULL, 'x', 'y', 'z', 0)")
        connection.execute("INSERT INTO users VALUES ('a', 'a', 'a', 'a', 'a', '', '', '', 'ru', 'UTC', 1, 1, '', '')")
        connection.execute(
            "INSERT INTO events VALUES (1, 'e', 'e', 't', '', '1', '2', '', 'UTC', 'a', 1, 1, 'published', 'public', "
            "'t', 1, 0, 1, '', '')"
        )
    result = CliRunner().invoke(cli, "check")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "counters: the seat counters of event e do not match its registrations. Restore a backup.",
        "plugins: hooks failed to process 1 change. To see the error, run `eventorg plugins`. To retry, run "
        "`eventorg plugins retry hooks`.",
    ]


@pytest.mark.parametrize(("version", "warned"), [((3, 51, 2), True), ((3, 51, 3), False)])
def test_check_warns_about_an_old_sqlite(
    path: Path, monkeypatch: pytest.MonkeyPatch, version: tuple[int, ...], warned: bool
) -> None:
    monkeypatch.setattr("sqlite3.sqlite_version_info", version)
    said("migrate")
    assert ("can damage the file" in said("check")) == warned


def test_check_without_a_file_fails_and_creates_none(tmp_path: Path) -> None:
    path = tmp_path / "eventorg.db"
    assert sentence(run(path, "check")) == f"The database {path} does not exist. Run `eventorg serve` to create it."
    assert list(tmp_path.iterdir()) == []


def test_backup_copies_while_the_server_runs(path: Path, fresh_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh_server.sign_up()
    copy = path.with_name("copy.db")
    assert said("backup", str(copy)) == ""
    monkeypatch.setenv("EVENTORG_DATABASE", str(copy))
    assert "counters: ok\n" in said("check")


def test_progress_is_shown_only_at_a_terminal(path: Path) -> None:
    copy = path.with_name("copy.db")
    commands = {"migrate": "migrating", "backup copy.db": "copying", "check": "checking", "restore copy.db": "checking"}
    for command, what in commands.items():
        arguments = command.replace("copy.db", str(copy)).split()
        status, shown = at_a_terminal(path, *arguments)
        assert status == 0, shown
        assert re.search(rf"{what} +\[#+\] +100%", shown), shown
    copy.unlink()
    for command in commands:
        result = CliRunner().invoke(cli, command.replace("copy.db", str(copy)).split())
        assert (result.exit_code, result.stderr) == (0, "")


def test_openapi_prints_the_document_and_creates_no_file(path: Path, server: Server) -> None:
    document = json.loads(said("openapi"))
    assert document == server.client.get("/openapi.json").json()
    assert not path.exists()


def main_ends(*arguments: str) -> int:
    """Runs the program and returns its exit status."""
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert isinstance(end.value.code, int)
    return end.value.code


@pytest.mark.parametrize(
    ("arguments", "status"), [(["--version"], 0), (["check"], 1), (["backup"], 2), (["serv"], 2), (["backup", "."], 2)]
)
def test_the_exit_status_shows_the_kind_of_error(
    path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int
) -> None:
    assert main_ends(*arguments) == status
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    assert bool(printed.err) == bool(status)


def test_a_locked_database_is_one_sentence(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("eventorg.storage.schema.PATIENCE_MS", 20)
    said("migrate")
    with closing(connect_writer(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        assert main_ends("migrate") == 1
    assert capsys.readouterr().err == f"eventorg: {path} cannot be written: database is locked.\n"


@pytest.mark.parametrize(
    "arguments",
    [("bogus",), ("backup",), ("serve", "extra"), ("token", "create", "x"), ("migrate", "--x")],
    ids=" ".join,
)
def test_a_misspelled_command_is_one_sentence(path: Path, arguments: tuple[str, ...]) -> None:
    program = run(path, *arguments)
    assert program.returncode == 2
    assert program.stderr.startswith("eventorg: ")
    assert program.stderr.count("\n") == 1
    assert program.stdout == ""
