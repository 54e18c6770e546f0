"""The `eventorg` command: its output, exit status, and help."""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from eventorg import __version__
from eventorg.cli import cli
from eventorg.package_data import data_folder
from eventorg.storage.sqlite import connect_writer
from eventorg.testing import Server
from tests.cli.commands import every_command, main_ends, said
from tests.programs import APP, EVENTORG, at_a_terminal, run, serving


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "eventorg.db"
    monkeypatch.setenv("EVENTORG_DATABASE", str(path))
    monkeypatch.setenv("EVENTORG_PLUGINS", "none")
    return path


def test_python_m_eventorg_is_the_command(tmp_path: Path) -> None:
    shown = run(tmp_path / "eventorg.db", "--version")
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, f"eventorg {__version__}\n", "")
    assert list(tmp_path.iterdir()) == []


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
    *aspects, size, addresses, version = said("check").splitlines()
    assert re.fullmatch(r"size: \d\.\d MB, 0\.\d MB of it free", size)
    names = ("schema", "integrity", "foreign keys", "counters", "waiting lists and answers", "plugins", "migrations")
    assert aspects == [f"{aspect}: ok" for aspect in names]
    assert addresses == "unverified email addresses: 0"
    assert version.startswith(f"SQLite: {sqlite3.sqlite_version}")


def test_check_prints_every_fault_and_fails(path: Path) -> None:
    said("migrate")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO event_hosts VALUES ('no event', 'no user', 'now', NULL)")
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
        failure = "'hooks', 7, 'user.created', NULL, 'x', 'y', 'z', 0, NULL"
        connection.execute(f"INSERT INTO plugin_failures VALUES ({failure})")
        connection.execute(
            "INSERT INTO users (id, locale, timezone, token_version, version, created_at, updated_at) "
            "VALUES ('a', 'ru', 'UTC', 1, 1, '', '')"
        )
        connection.execute(
            "INSERT INTO events (id, code, title, start_time, end_time, timezone, organizer_id, waitlist, status, "
            "visibility, search_text, registered_count, waitlisted_count, version, created_at, updated_at) VALUES "
            "('e', 'e', 't', '1', '2', 'UTC', 'a', 1, 'published', 'public', 't', 1, 0, 1, '', '')"
        )
    result = CliRunner().invoke(cli, "check")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "counters: event e: registered_count is 1 and should be 0. To recount, run `eventorg check --repair`.",
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


NEEDS_A_DATABASE = [
    ["check"],
    ["compact"],
    ["backup", "copy.db"],
    ["plugins"],
    ["plugins", "retry", "webhooks"],
    ["token", "create", "bot", "--scope", "act"],
    ["token", "list"],
    ["token", "revoke", "bot"],
    ["user", "create", "anna", "--email", "anna@example.com", "--generate"],
    ["user", "reset-password", "anna", "--generate"],
    ["user", "delete", "anna", "--yes"],
    ["user", "list"],
    ["user", "show", "anna"],
    ["user", "verify", "anna"],
    ["webhooks", "add", "https://example.com/"],
    ["webhooks", "list"],
    ["webhooks", "log", "1"],
    ["webhooks", "enable", "1"],
    ["webhooks", "remove", "1"],
    ["webhooks", "replay", "1"],
]
NEEDS_NONE = {
    "deploy",
    "health",
    "migrate",
    "openapi",
    "plugins new",
    "restore",
    "serve",
    "telegram check",
    "telegram run",
}


def test_every_command_is_tried_without_a_database() -> None:
    tried = [" ".join(arguments) for arguments in NEEDS_A_DATABASE]
    for full_name, command in every_command().items():
        name = full_name.removeprefix("eventorg ")
        if isinstance(command, click.Group) or name.startswith("example "):
            continue
        assert (name in NEEDS_NONE) != any(f"{each} ".startswith(f"{name} ") for each in tried), name


@pytest.mark.parametrize("arguments", NEEDS_A_DATABASE, ids=" ".join)
def test_a_command_without_a_database_fails_and_creates_none(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    monkeypatch.chdir(path.parent)
    monkeypatch.setenv("EVENTORG_PLUGINS", "webhooks")
    assert main_ends(*arguments) == 1
    words = f"The database {path} does not exist. Run `eventorg serve` or `eventorg migrate` to create it."
    assert capsys.readouterr() == ("", f"eventorg: {words}\n")
    assert list(path.parent.iterdir()) == []


def test_check_names_the_pending_migrations(path: Path) -> None:
    said("migrate")
    assert "migrations: ok\n" in said("check")
    with closing(connect_writer(path)) as connection:
        last = connection.execute("SELECT max(name) FROM migrations").fetchone()[0]
        connection.execute("DELETE FROM migrations WHERE name = ?", (last,))
    assert f"migrations: pending: eventorg/{last} (`eventorg serve` or `migrate` applies them)\n" in said("check")


def test_check_names_the_pending_migrations_of_plugins(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said("migrate")
    monkeypatch.setenv("EVENTORG_PLUGINS", "webhooks")
    first = min(file.name for file in (data_folder("plugins") / "webhooks" / "migrations").iterdir())
    assert f"migrations: pending: webhooks/{first}" in said("check")


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


@pytest.mark.parametrize("program", [(*EVENTORG, "serve"), APP], ids=" ".join)
def test_serve_takes_the_address_and_the_port_as_options(path: Path, program: tuple[str, ...]) -> None:
    with serving(path, program=(*program, "--host", "127.0.0.2", "--port", "0"), port=9) as server:
        assert server.url.startswith("http://127.0.0.2:")
        assert server.url != "http://127.0.0.2:9"
        assert server.client.get("/health").status_code == 200


@pytest.mark.parametrize("port", ["", "x", "-1", "65536"])
def test_serve_rejects_an_invalid_port(path: Path, capsys: pytest.CaptureFixture[str], port: str) -> None:
    assert main_ends("serve", f"--port={port}") == 2
    assert "'--port'" in capsys.readouterr().err
    assert not path.exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("webhooks", "A plugin named webhooks already exists"),
        ("diary", "A plugin named diary already exists"),
        ("webhooks_log", "The plugins webhooks_log and webhooks cannot be told apart"),
        ("calendar", "The plugins calendar and calendar_export cannot be told apart"),
        ("backup", "The plugin name backup is reserved"),
        ("Diary", "A plugin cannot be named Diary"),
    ],
)
def test_a_new_plugin_needs_a_free_name(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, words: str
) -> None:
    folder, into = path.with_name("plugins"), path.with_name("into")
    folder.mkdir()
    into.mkdir()
    (folder / "diary.py").touch()
    monkeypatch.setenv("EVENTORG_PLUGINS_DIR", str(folder))
    assert main_ends("plugins", "new", name, "--into", str(into)) == 1
    assert words in capsys.readouterr().err
    assert list(into.iterdir()) == []
    assert main_ends("plugins", "new", "dairy", "--into", str(into)) == 0
