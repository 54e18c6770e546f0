"""The log: one line for each request with its outcome, and no secrets."""

import asyncio
import json
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Literal

import pytest

from eventorg.logs import STANDARD_ERROR
from eventorg.security.passwords import Passwords
from eventorg.settings import Settings
from eventorg.testing import PASSWORD, Server, User, running

SECRET = "a secret of thirty-two bytes or more"


def logging(tmp_path: Path, log_format: Literal["json", "console"]) -> AbstractContextManager[Server]:
    """A server that logs everything. Start it inside the test: before that, pytest has another standard error."""
    return running(
        Settings(
            plugins="none",
            database=str(tmp_path / "eventorg.db"),
            secret=SECRET,
            log_level="debug",
            log_format=log_format,
        )
    )


def records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.anyio
async def test_lines_of_one_step_are_written_together(monkeypatch: pytest.MonkeyPatch) -> None:
    with TemporaryFile("w+", encoding="utf-8") as file:
        written: list[str] = []
        monkeypatch.setattr(sys, "stderr", file)
        monkeypatch.setattr(file, "write", written.append, raising=False)
        for line in ("one\n", "two\n"):
            STANDARD_ERROR.write_soon(line)
        assert written == []
        await asyncio.sleep(0)
        STANDARD_ERROR.write_soon("three\n")
        await asyncio.sleep(0)
    assert written == ["one\ntwo\n", "three\n"]


def test_a_request_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with logging(tmp_path, "json") as server:
        user = server.sign_up()
        event = user.create_event()
        capsys.readouterr()
        answers = [
            (server.client.get(f"/events/{event['id']}"), "GET", "/events/{event_id}", None),
            (user.get("/users/me"), "GET", "/users/{user_id}", user.id),
            (server.client.post("/events", json={}), "POST", "/events", None),
            (user.post("/events", content=b"{"), "POST", "/events", user.id),
            (server.client.get("/nowhere/at/all"), "GET", None, None),
        ]
        lines = records(capsys.readouterr().err)
    assert len(lines) == len(answers)
    for line, (answer, method, route, user_id) in zip(lines, answers, strict=True):
        assert line.keys() == {
            "event", "level", "timestamp", "request_id", "method", "route", "status", "ms", "user", "bot"
        }  # fmt: skip
        assert line["request_id"] == answer.headers["X-Request-Id"]
        assert (line["method"], line["status"], line["user"]) == (method, answer.status_code, user_id)
        assert line["route"] == route
        assert 0 <= line["ms"] < 30_000
    assert len({line["request_id"] for line in lines}) == len(lines)


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_log_contains_a_secret(
    tmp_path: Path,
    log_format: Literal["json", "console"],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with logging(tmp_path, log_format) as server:
        user = tell_secrets(server)
        with monkeypatch.context() as patch:
            make_defects(server, user, patch)
    log = capsys.readouterr().err
    assert log.count("request_failed") == 3
    assert "RuntimeError" in log
    assert "in fail" in log or '"name": "fail"' in log  # the traceback is logged
    secrets = [
        PASSWORD, "a wrong password", "x" * 20, "y" * 20, user.token, "not.a.token", user.account["email"],
        "unlucky", "in-the-query", "nobody else may read", "the body of it", "broken json", SECRET, "$argon2",
    ]  # fmt: skip
    assert [secret for secret in secrets if secret in log] == []


def tell_secrets(server: Server) -> User:
    """Makes valid and invalid requests that are full of secrets."""
    user = server.sign_up()
    user.create_event(title="A title nobody else may read", description="the body of it")
    wrong = {"email": user.account["email"], "password": "a wrong password"}
    assert server.client.post("/login", json=wrong).status_code == 401
    assert user.patch("/users/me", json={"password": "x" * 20, "current_password": "y" * 20}).status_code == 422
    user.get("/users/me/events?token=in-the-query")
    assert server.client.get("/users/me", headers={"Authorization": "Bearer not.a.token"}).status_code == 401
    assert server.client.post("/users", content=b'{"password": "broken json').status_code in (400, 415)
    return user


def make_defects(server: Server, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes each computation of a password raise an unexpected error, with the password among the variables."""

    async def fail(*_: object) -> bool:
        raise RuntimeError("a defect")

    monkeypatch.setattr(Passwords, "_compute", fail)
    account = {"username": "unlucky", "email": "unlucky@example.com", "password": PASSWORD}
    failed = [
        server.client.post("/users", json=account),
        server.client.post("/login", json={"email": user.account["email"], "password": PASSWORD}),
        user.patch("/users/me", json={"password": "x" * 20, "current_password": PASSWORD}),
    ]
    assert [answer.status_code for answer in failed] == [500] * 3
    assert all("a defect" not in answer.text for answer in failed)


def test_a_level_drops_the_lower_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running(Settings(plugins="none", database=str(tmp_path / "eventorg.db"), log_level="warning")) as server:
        server.sign_up()
    assert capsys.readouterr().err == ""
