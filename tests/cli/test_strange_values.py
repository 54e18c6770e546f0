"""Arguments, names and passwords that are not usual text: each error is one sentence."""

import io
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.cli.commands import every_command, main_ends, said
from tests.programs import CHECKOUT, EVENTORG, environment, run

STRANGE = [
    "", " ", "-", "\n", "%s{}", "🎉", "../..", "a\x1b[31mb", "a\u202eb", "x" * 300, "x" * 5_000, "\udcff", "a\udcffb"
]  # fmt: skip


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Returns a database in the current folder."""
    path = tmp_path / "eventorg.db"
    monkeypatch.setenv("EVENTORG_DATABASE", str(path))
    monkeypatch.setenv("EVENTORG_PLUGINS", "webhooks")
    monkeypatch.chdir(tmp_path)
    said("migrate")
    return path


def invocations(command: click.Command, value: str) -> Iterator[list[str]]:
    """Yields the arguments of a command with a value in place of each of its arguments and options that take text."""
    required = [each for each in command.params if each.required]
    for parameter in command.params:
        if getattr(parameter, "is_flag", False):
            continue
        values = [(each, value if each is parameter else "1") for each in dict.fromkeys([*required, parameter])]
        options = [f"{each.opts[0]}={text}" for each, text in values if isinstance(each, click.Option)]
        yield [*options, "--", *(text for each, text in values if isinstance(each, click.Argument))]


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("value", STRANGE, ids=lambda value: ascii(value[:10]))
def test_no_value_of_any_command_causes_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    tried = 0
    for name, command in every_command().items():
        if isinstance(command, click.Group) or name.startswith(("eventorg example ", "eventorg serve")):
            continue
        for arguments in invocations(command, value):
            monkeypatch.setattr("sys.stdin", io.StringIO(""))
            status = main_ends(*name.split()[1:], *arguments)
            told = capsys.readouterr().err
            assert status in (0, 1, 2)
            assert status == 0 or re.fullmatch(r"eventorg: [^\n]+\n", told), ascii(told)
            assert status == 0 or told.rstrip("\n").isprintable(), ascii(told)
            assert "\udcff" not in value or (status, "is not UTF-8 text" in told) == (2, True), told
            tried += 1
    assert tried > 25


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("name", ["backup", "restore"])
def test_a_file_that_cannot_be_used_is_one_sentence(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main_ends(name, "x" * 300) == 1
    assert re.search("Cannot use .*xxx: File name too long", capsys.readouterr().err)


@pytest.mark.parametrize("name", ["serve", "migrate", "check", "token list", "backup copy.db", "restore copy.db"])
def test_a_database_with_too_long_a_name_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.setenv("EVENTORG_DATABASE", "x" * 300)
    assert main_ends(*name.split()) == 1
    assert re.fullmatch(r"eventorg: .*x{300}.*: File name too long\.\n", capsys.readouterr().err)


def test_a_setting_of_two_lines_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "eventorg.toml").write_text('"a\\n\\u001b" = 1', encoding="utf-8")
    monkeypatch.setenv("EVENTORG_CONFIG", str(tmp_path / "eventorg.toml"))
    assert main_ends("check") == 2
    assert capsys.readouterr().err == "eventorg: Unknown setting EVENTORG_A \\x1b.\n"


def test_names_can_be_printed_in_every_encoding(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said("token", "create", "Бот", "--scope", "act")
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    listed = run(path, "token", "list", program=EVENTORG)
    assert (listed.returncode, listed.stdout.split("\t")[0]) == (0, r"\u0411\u043e\u0442")


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_a_password_that_is_not_text_is_one_sentence(path: Path, locale: str) -> None:
    command = [*EVENTORG, "user", "create", "anna", "--email", "anna@example.com"]
    variables = environment(path) | {"LC_ALL": locale}
    refused = subprocess.run(command, cwd=CHECKOUT, env=variables, input=b"\xff" * 20, capture_output=True, check=False)
    assert (refused.returncode, refused.stdout) == (2, b"")
    assert refused.stderr == b"eventorg: The password is not UTF-8 text.\n"


@pytest.mark.parametrize("host", ["x" * 70, "a..b", "🎉", "a b", "::g"])
def test_a_host_that_is_none_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], host: str
) -> None:
    monkeypatch.setenv("EVENTORG_HOST", host)
    assert main_ends("health") == 1
    assert re.fullmatch(r"eventorg: No response from http://[^\n]+\n", capsys.readouterr().err)
