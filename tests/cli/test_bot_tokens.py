"""Bots: their tokens, the users they act for, and the records of both."""

import hashlib
import json
import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eventorg.cli import main
from eventorg.domain.identities import parse_telegram_id
from eventorg.settings import Settings
from eventorg.storage.schema import core_component, prepare
from eventorg.storage.sqlite import connect_writer
from eventorg.testing import PASSWORD, Bot, Clock, Server, check_problem, running
from tests.programs import run, sentence, serving
from tests.telegram import MAX_ID, Person, new_id

KNOWN = new_id()
"""A known Telegram account in another spelling."""


@pytest.fixture(scope="module")
def bot(server: Server) -> Bot:
    return server.make_bot("act")


def select(server: Server, statement: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(server.settings.database_path)) as file:
        return file.execute(statement, values).fetchall()


def test_the_operator_makes_lists_and_revokes_tokens_while_the_server_runs(tmp_path: Path) -> None:
    path = tmp_path / "eventorg.db"
    with serving(path) as program:
        made = run(path, "token", "create", "my-bot", "--scope", "act", "--scope", "changes")
        assert made.returncode == 0, made.stderr
        token = made.stdout.splitlines()[-1]
        assert re.fullmatch(r"evb_[A-Za-z0-9_-]{43}", token)
        assert token not in made.stderr
        bot = Bot(program.client, "my-bot", token)
        assert bot.get("/changes").status_code == 200

        taken = sentence(run(path, "token", "create", "my-bot", "--scope", "act"))
        listed = run(path, "token", "list")
        assert listed.returncode == 0
        name, scopes, created, used = listed.stdout.rstrip("\n").split("\t")
        assert (name, scopes) == ("my-bot", "act changes")
        assert created.startswith("created 20")
        assert used.startswith("last used 20")

        assert run(path, "token", "revoke", "my-bot").stdout == "revoked my-bot\n"
        check_problem(bot.get("/changes"), 401, "token_revoked")
        assert "revoked 20" in run(path, "token", "list").stdout
        again = run(path, "token", "create", "my-bot", "--scope", "changes")
        assert again.returncode == 0, again.stderr
        assert Bot(program.client, "my-bot", again.stdout.splitlines()[-1]).get("/changes").status_code == 200
        check_problem(bot.get("/changes"), 401, "token_invalid")  # its place is taken
        log = program.log
    assert taken == "A bot with this name already exists. Revoke its token or choose another name."
    assert token not in log
    files = [file for file in tmp_path.iterdir() if file.name.startswith("eventorg.db")]
    assert not any(token.encode() in file.read_bytes() for file in files)
    hashed = hashlib.sha256(again.stdout.splitlines()[-1].encode()).hexdigest().encode()
    assert any(hashed in file.read_bytes() for file in files)


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["revoke", "nobody"], 1, "No active bot has this name"),
        (["revoke", ""], 1, "No active bot has this name"),
        (["create", "", "--scope", "act"], 2, "Must have 1 or more characters."),
        (["create", " \t ", "--scope", "act"], 2, "Must have 1 or more characters."),
        (["create", "x" * 101, "--scope", "act"], 2, "Must have at most 100 characters."),
        (["create", "x" * 100_000, "--scope", "act"], 2, "Must have at most 100 characters."),
        (["create", "a\tbot", "--scope", "act"], 2, "Control characters"),
        (["create", "a\nbot", "--scope", "act"], 2, "Control characters"),
        (["create", "a\x1b[31mbot", "--scope", "act"], 2, "Control characters"),
        (["create", "a\udcffbot", "--scope", "act"], 2, "The argument 'a\\udcffbot' is not UTF-8 text."),
        (["create", "a-bot", "--scope", "everything"], 2, "everything"),
        (["create", "a-bot"], 2, "--scope"),
    ],
)
def test_operator_mistakes_get_an_explanation(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
    told: str,
) -> None:
    path = tmp_path / "eventorg.db"
    prepare(path, [core_component()], Clock())
    monkeypatch.setenv("EVENTORG_DATABASE", str(path))
    with pytest.raises(SystemExit) as end:
        main(["token", *arguments])
    printed = capsys.readouterr()
    assert (end.value.code, printed.out) == (status, "")
    assert told in printed.err
    assert printed.err.startswith("eventorg: ")
    assert printed.err.count("\n") == 1


def test_bot_names_are_trimmed_normalized_and_unique_ignoring_case(tmp_path: Path) -> None:
    path = tmp_path / "eventorg.db"
    prepare(path, [core_component()], Clock())
    for name in ("  Бот и\u0306  ", "ы" * 100):
        assert run(path, "token", "create", name, "--scope", "act").returncode == 0
    names = [line.split("\t")[0] for line in run(path, "token", "list").stdout.splitlines()]
    assert sorted(names) == sorted(["Бот й", "ы" * 100])
    for name in ("бот Й", "Бот и\u0306", "Ы" * 100):
        taken = run(path, "token", "create", name, "--scope", "act")
        assert sentence(taken) == "A bot with this name already exists. Revoke its token or choose another name."
    assert run(path, "token", "revoke", "БОТ Й").returncode == 0
    assert run(path, "token", "create", "БОТ Й", "--scope", "act").returncode == 0


def test_revoke_takes_the_exact_name_first(tmp_path: Path) -> None:
    """An older version allowed two bots whose names differ only in case; the current one does not."""
    path = tmp_path / "eventorg.db"
    prepare(path, [core_component()], Clock())
    for name in ("bot", "other"):
        assert run(path, "token", "create", name, "--scope", "act").returncode == 0
    with closing(connect_writer(path)) as file:
        file.execute("UPDATE bots SET name = 'BOT' WHERE name = 'other'")
    assert run(path, "token", "revoke", "bot").returncode == 0
    revoked = [line.split("\t")[0] for line in run(path, "token", "list").stdout.splitlines() if "revoked" in line]
    assert revoked == ["bot"]


def test_a_bot_acts_for_a_user_by_id_and_for_a_telegram_account(server: Server, bot: Bot) -> None:
    user, person = server.sign_up(), Person(server, bot)
    assert bot.acting_for(user.id).get("/users/me").json()["id"] == user.id
    assert person.bot.get("/users/me").json()["id"] == person.id
    assert bot.acting_for(person.id).get("/users/me").json()["id"] == person.id


@pytest.mark.parametrize(
    "nobody",
    [
        "3407e9c0-1a69-4cb6-84ce-6852d9345421",
        f"telegram:{MAX_ID}", "telegram:0", "telegram:", "telegram:-1", "telegram:1e3",
        "telegram:٤٢", *("telegram:" + "9" * digits for digits in (18, 19, 400)), f"telegram:{2**63}",
        f"telegram:0{KNOWN}", f"telegram:+{KNOWN}", "Telegram:42", "telegram: 42",
        "someone", "me", "'; DROP TABLE users", "-", "é",
    ],
)  # fmt: skip
def test_a_bot_cannot_act_for_an_unknown_user(bot: Bot, nobody: str) -> None:
    assert bot.put(f"/identities/telegram/{KNOWN}").status_code in (200, 201)
    headers = {"Authorization": bot.headers["Authorization"].encode(), "X-Act-As": nobody.encode()}
    is_account = nobody.startswith("telegram:") and parse_telegram_id(nobody.removeprefix("telegram:")) is not None
    problem = check_problem(bot.client.get("/users/me", headers=headers), 404)  # type: ignore[arg-type]
    assert problem["code"] == ("identity_not_found" if is_account else "user_not_found")
    is_told = "telegram:<" in problem["detail"]
    assert is_told == (not is_account and len(nobody) != 36)


def test_an_empty_user_is_unknown_too(bot: Bot) -> None:
    check_problem(bot.get("/users/me", headers={"X-Act-As": ""}), 404, "user_not_found")


def test_only_bots_can_act_for_others(server: Server) -> None:
    user, other = server.sign_up(), server.sign_up()
    for who in (other.id, user.id, "telegram:42"):
        check_problem(user.get("/users/me", headers={"X-Act-As": who}), 403, "bot_required")


@pytest.mark.parametrize("token", ["evb_", "evb_x", "evb_" + "A" * 43, "evb_" + "A" * 4000, "EVB_x"])
def test_an_unknown_token_is_rejected(server: Server, token: str) -> None:
    response = server.client.get("/changes", headers={"Authorization": f"Bearer {token}"})
    check_problem(response, 401)
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_the_change_log_has_the_user_and_the_bot(server: Server, bot: Bot) -> None:
    user, person = server.sign_up(), Person(server, bot)
    event = user.create_event()
    assert person.bot.post(f"/events/{event['id']}/register").status_code == 201
    assert bot.acting_for(user.id).patch(f"/events/{event['id']}", json={"title": "Another"}).status_code == 200
    assert user.patch(f"/events/{event['id']}", json={"title": "A third"}).status_code == 200
    rows = select(server, "SELECT type, actor_id, bot FROM changes WHERE event_id = ? ORDER BY seq", event["id"])
    assert rows == [
        ("event.created", user.id, None),
        ("registration.created", person.id, bot.name),
        ("event.updated", user.id, bot.name),
        ("event.updated", user.id, None),
    ]
    made = select(server, "SELECT actor_id, bot FROM changes WHERE type = 'user.created' AND user_id = ?", person.id)
    assert made == [(person.id, bot.name)]


def test_the_access_log_has_the_user_and_the_bot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running(Settings(plugins="none", database=str(tmp_path / "eventorg.db"), log_format="json")) as server:
        user, bot = server.sign_up(), server.make_bot("act", "changes")
        capsys.readouterr()
        user.get("/users/me")
        bot.get("/changes")
        bot.acting_for(user.id).get("/users/me")
        lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["user"], line["bot"]) for line in lines] == [
        (user.id, None), (None, bot.name), (user.id, bot.name)
    ]  # fmt: skip


def test_the_last_use_is_recorded_once_a_minute(fresh_server: Server) -> None:
    bot = fresh_server.make_bot("changes")

    def last_use() -> object:
        fresh_server.sign_up()  # so that the previous request's own write is done
        return select(fresh_server, "SELECT last_used_at FROM bots")[0][0]

    assert last_use() is None
    for seconds, noted in (0, "12:00:00"), (59, "12:00:00"), (1, "12:01:00"), (-3_600, "11:01:00"):
        fresh_server.clock.advance(seconds=seconds)
        bot.get("/changes")
        assert last_use() == f"2027-01-01T{noted}Z"


def test_a_bot_that_reads_does_not_wait_for_a_lock(fresh_server: Server, caplog: pytest.LogCaptureFixture) -> None:
    bot, user = fresh_server.make_bot("act"), fresh_server.sign_up()
    with closing(connect_writer(fresh_server.settings.database_path)) as other, ThreadPoolExecutor() as pool:
        other.execute("BEGIN IMMEDIATE")
        writing = pool.submit(user.post, "/users/me/link-codes")
        assert bot.acting_for(user.id).get("/users/me").status_code == 200
        with pytest.raises(TimeoutError):
            writing.result(timeout=1)  # the read did not wait as long as a write
        check_problem(writing.result(), 503, "busy")  # control
    errors = [record.getMessage() for record in caplog.records if record.name == "asyncio"]
    assert errors == []  # a failure to record the last use is not an error


def test_a_revoked_token_is_rejected_on_the_next_request(server: Server) -> None:
    bot, user = server.make_bot("act"), server.sign_up()
    assert bot.acting_for(user.id).get("/users/me").status_code == 200
    server.revoke(bot)
    for response in (bot.acting_for(user.id).get("/users/me"), bot.get("/events"), bot.acting_for("x").get("/events")):
        check_problem(response, 401, "token_revoked")


def test_a_bot_sees_only_the_email_of_the_user_it_acts_for(server: Server, bot: Bot) -> None:
    user, other = server.sign_up(), server.sign_up()
    path = f"/users/{user.id}"
    assert bot.acting_for(user.id).get(path).json()["email"] == user.account["email"]
    assert "email" not in bot.acting_for(other.id).get(path).json()
    check_problem(bot.get(path), 403, "act_as_missing")


def test_with_closed_sign_up_only_bots_with_the_scope_act_create_users(tmp_path: Path) -> None:
    with running(
        Settings(plugins="none", database=str(tmp_path / "eventorg.db"), signup="closed", log_level="error")
    ) as server:
        account = {"username": "anna", "email": "anna@example.com", "password": PASSWORD}
        bot, reader = server.make_bot("act"), server.make_bot("changes")
        for client in (server.client, reader):
            check_problem(client.post("/users", json=account), 403, "signup_closed")
        assert bot.post("/users", json=account).status_code == 201
        assert bot.put(f"/identities/telegram/{new_id()}", json={}).status_code == 201
        assert server.log_in("anna@example.com")


def test_idempotency_keys_of_a_bot_are_separate_for_each_user(server: Server, bot: Bot) -> None:
    event, people = server.sign_up().create_event(), [Person(server, bot) for _ in range(2)]
    path, key = f"/events/{event['id']}/register", {"Idempotency-Key": "tap"}
    first, second, again = (person.bot.post(path, headers=key) for person in (*people, people[0]))
    assert [answer.json()["user_id"] for answer in (first, second)] == [person.id for person in people]
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (first.json(), "true")
