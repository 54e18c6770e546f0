"""The secret beside the database: created once, readable only by its owner, complete or missing."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from eventorg.errors import OperatorError
from eventorg.security.secret import load_secret, secret_path
from eventorg.settings import Settings
from eventorg.testing import check_problem, running
from tests.programs import CHECKOUT, PATIENCE, Program, run, sentence, serving

LOAD = """
import sys
from pathlib import Path
from eventorg.security.secret import create_secret, load_secret
input()
create_secret(Path(sys.argv[1]))
print(load_secret(Path(sys.argv[1])))
"""
SHORT = [b"", b"\n", b"x" * 31, b"x" * 31 + b"\n", b"\xff" * 64, b"x" * 32 + b",", b"x" * 32 + b",x"]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "eventorg.db"


def test_it_is_made_once_for_its_owner_alone(database: Path) -> None:
    secret = load_secret(database)
    assert len(bytes.fromhex(secret)) == 32
    assert load_secret(database) == secret
    assert secret_path(database).stat().st_mode & 0o777 == 0o600
    assert [file.name for file in database.parent.iterdir()] == ["eventorg.db.secret"]
    assert load_secret(database.with_name("another.db")) != secret


def test_ten_that_start_at_once_get_the_same_one(database: Path) -> None:
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", LOAD, str(database)],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(10)
    ]
    for program in programs:
        assert program.stdin
        program.stdin.write("\n")  # read once it is ready: they begin together
        program.stdin.flush()
    secrets = {program.communicate(timeout=PATIENCE)[0] for program in programs}
    assert secrets == {load_secret(database) + "\n"}
    assert [file.name for file in database.parent.iterdir()] == ["eventorg.db.secret"]


def test_one_that_was_made_meanwhile_counts(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_secret(database)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "exists", lambda path: False)  # as it was when this process looked
        assert load_secret(database) == first
    assert [file.name for file in database.parent.iterdir()] == ["eventorg.db.secret"]


def test_a_disk_that_fails_leaves_none(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OperatorError, match="No space left on device"):
        load_secret(database)
    assert list(database.parent.iterdir()) == []


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"x" * 31, b"x" * 31 + b"\n", b"\xff" * 64, b"x" * 32 + b",", b"x" * 32 + b",x"]
)
def test_one_that_is_short_or_unreadable_is_refused(database: Path, content: bytes) -> None:
    secret_path(database).write_bytes(content)
    with pytest.raises(OperatorError, match=r"eventorg\.db\.secret (cannot be used|has fewer than 32 bytes)"):
        load_secret(database)
    assert secret_path(database).read_bytes() == content


def test_the_program_says_so_in_one_sentence(database: Path) -> None:
    secret_path(database).mkdir()
    assert sentence(run(database, "serve")).startswith(f"The secret {secret_path(database)} cannot be used: ")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("form", ["{new},{old}", " {new} , {old} \n", "{new},\n{old}\n"])
def test_older_secrets_can_follow_after_commas(database: Path, form: str) -> None:
    settings = Settings(plugins="none", database=str(database), log_level="error")
    with running(settings) as server:
        user = server.sign_up()
    old = load_secret(database)
    new = "n" * 32
    secret_path(database).write_text(form.format(new=new, old=old), encoding="utf-8")
    with running(settings) as server:
        assert server.client.get("/users/me", headers=bearer(user.token)).status_code == 200
        renewed = server.log_in(user.account["email"])
    secret_path(database).write_text(new, encoding="utf-8")
    with running(settings) as server:
        check_problem(server.client.get("/users/me", headers=bearer(user.token)), 401)
        assert server.client.get("/users/me", headers=bearer(renewed)).status_code == 200


def replaced(server: Program) -> list[dict[str, Any]]:
    return [record for record in server.records if record["event"] == "secret_replaced"]


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_a_lost_one_is_replaced_with_an_error_in_the_log(database: Path, command: str) -> None:
    if command == "migrate":
        assert run(database, "migrate").returncode == 0
        assert secret_path(database).exists()
    for _ in range(2):
        with serving(database) as server:
            pass
        assert replaced(server) == []
    secret_path(database).unlink()
    with serving(database) as server:
        pass
    (line,) = replaced(server)
    assert (line["level"], line["file"]) == ("error", str(secret_path(database)))
    assert "all logins have ended" in line["error"]


def test_none_is_made_beside_a_database_whose_secret_is_a_setting(database: Path) -> None:
    assert run(database, "migrate", secret="s" * 32).returncode == 0
    assert not secret_path(database).exists()
