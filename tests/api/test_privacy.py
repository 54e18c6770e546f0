"""A user's data: the export contains all of it, and nothing remains after the account is deleted."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

from eventorg.backups.backup import back_up
from eventorg.domain.normal_forms import fold
from eventorg.testing import PASSWORD, Server, User, check_problem
from tests import telegram

NAMES = {
    "username": "Занзибарыч",
    "email": "Quagga@kumquat.example",
    "first_name": "Ксенофонт",
    "last_name": "Выхухолев-Ёжиков",
}
EVENT = {"title": "ჯჯჯ", "description": "Жизнеописание\nкваггоеда", "location": "Ӂӂӝ, дом 17"}

# Columns that the export leaves out, and why. It must contain every other column.
LEFT_OUT = {
    ("users", "password_hash"): "made of the password to check it; whoever has it can guess at the password",
    ("users", "token_version"): "a number that is in every token of the user's",
    ("users", "username_key"): "the username in another form",
    ("users", "email_key"): "the e-mail in another form",
    ("events", "seq"): "a number of the search index",
    ("events", "search_text"): "title, description and location in another form",
    ("events", "card_version"): "a number that grows with each change of the event",
    ("events", "inherited_at"): "the time when the event passed to the user, which the change log has",
    ("event_hosts", "acted_at"): "the time of the user's first change to the event, which the change log has",
    ("registrations", "seq"): "the place in an order that the export has",
    ("idempotency_records", "owner"): "the user itself, and the bot that the change log names",
    ("idempotency_records", "fingerprint"): "a hash of a request that the user made",
    ("idempotency_records", "language"): "of a problem document that is exported itself",
    ("account_codes", "code_sha256"): "a hash of a code that only the mail has",
    ("account_mails", "seq"): "the place in an order that the export has",
    ("account_mails", "address_sha256"): "the e-mail in another form",
    ("link_codes", "code_sha256"): "a hash of a code that lives for a quarter of an hour",
    ("link_codes", "expires_at"): "of that code",
}

# Columns that name the user for what is not about the user: they do not make their rows the user's.
REPEATED = {("changes", "organizer_id"): "the organizer of the event of a change, as the event has it"}


def rich_life(server: Server) -> tuple[User, dict[str, Any]]:
    """A user who has done everything that stores data, and one of its events."""
    user, other, bot = server.sign_up(**NAMES), server.sign_up(), server.make_bot("act")
    telegram.link(bot, telegram.new_id(), user)
    event = user.create_event(**EVENT, capacity=1)
    url = f"/events/{event['id']}"
    other.post(f"{url}/register")
    user.post(f"{url}/register", headers={"Idempotency-Key": "a-key-of-mine"})
    user.patch(url, json={"title": ""}, headers={"Idempotency-Key": "another-key-of-mine"})
    bot.acting_for(user.id).patch(url, json={"capacity": 2}, headers={"Idempotency-Key": "key-of-my-bot"})
    theirs = [f"/events/{other.create_event(title=f'Their event {number}')['id']}" for number in range(4)]
    for their in theirs[:3]:
        assert user.post(f"{their}/register").status_code == 201
    user.delete(f"{theirs[0]}/register")
    assert user.put(f"{theirs[0]}/rsvp", json={"answer": "maybe"}).status_code == 200
    other.patch(f"{theirs[1]}/participants/{user.id}", json={"status": "attended"})
    other.delete(theirs[2])
    for number in range(50):  # enough for the search index to have segments that it no longer merges
        other.create_event(title=f"Another event {number}")
    server.clock.advance(seconds=5)
    assert other_login(server, user).post("/logout").status_code == 204
    for _ in range(2):
        server._on_its_loop(server._core.account_mails.ask_for_reset(NAMES["email"]))
    assert server._on_its_loop(server._core.account_mails.claim_mail())
    assert other.post(f"{theirs[3]}/hosts", json={"user_id": user.id}).status_code == 201
    return user, event


def other_login(server: Server, user: User) -> User:
    return User(server.client, user.account, server.log_in(NAMES["email"]))


def rows(file: sqlite3.Connection) -> Iterator[tuple[str, dict[str, Any]]]:
    """Returns every row of every table."""
    file.row_factory = sqlite3.Row
    for (table,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        yield from ((table, dict(row)) for row in file.execute(f'SELECT * FROM "{table}"'))


def leaves(value: Any) -> Iterator[str]:
    """Yields the plain values in a JSON document, and its objects as the database stores them."""
    match value:
        case dict():
            yield json.dumps(value, separators=(",", ":"), ensure_ascii=False)
            for member in value.values():
                yield from leaves(member)
        case list():
            yield json.dumps(value, separators=(",", ":"), ensure_ascii=False)
            for member in value:
                yield from leaves(member)
        case _:
            yield str(int(value) if isinstance(value, bool) else value)


def test_the_export_has_everything_that_is_kept(fresh_server: Server) -> None:
    user, _ = rich_life(fresh_server)
    response = user.get("/users/me/export")
    assert response.headers["cache-control"] == "no-store"
    assert "attachment" in response.headers["content-disposition"]
    known = set(leaves(response.json()))
    known |= {json.dumps(change["data"], separators=(",", ":")) for change in response.json()["changes"]}
    with closing(sqlite3.connect(fresh_server.settings.database_path)) as file:
        kept = [
            (table, row)
            for table, row in rows(file)
            if any(user.id in str(value) for column, value in row.items() if (table, column) not in REPEATED)
        ]
    missing = {
        (table, column)
        for table, row in kept
        for column, value in row.items()
        if value is not None and str(value) not in known
    }
    assert missing - LEFT_OUT.keys() == set()
    tables = {table for table, _ in kept}
    shown = {"users", "events", "event_hosts", "registrations", "changes", "change_audience", "idempotency_records"}
    shown.add("rsvps")
    assert tables >= shown | {"telegram_identities", "account_mails", "account_codes", "ended_logins"}


def test_the_export_is_of_the_caller_alone(fresh_server: Server) -> None:
    rich_life(fresh_server)
    stranger = fresh_server.sign_up()
    exported = stranger.get("/users/me/export").json()
    assert exported["user"]["id"] == stranger.id
    assert [exported[name] for name in ("events", "registrations")] == [[], []]
    assert {change["user_id"] for change in exported["changes"]} == {stranger.id}
    check_problem(fresh_server.client.get("/users/me/export"), 401)


def traces(path: Path, secrets: list[str]) -> list[tuple[str, str]]:
    """Returns the secrets found in the file, its write-ahead log or a backup, as written or folded."""
    backup = path.with_name("backup.db")
    backup.unlink(missing_ok=True)
    back_up(path, backup)
    return [
        (file.name, spelling)
        for file in (path, path.with_name(path.name + "-wal"), backup)
        for secret in secrets
        for spelling in {secret, fold(secret), json.dumps(secret)[1:-1]}
        if file.exists() and spelling.encode() in file.read_bytes()
    ]


def secrets_of(path: Path, user: User) -> list[str]:
    """Returns the data that must be deleted with the account: names, texts and credentials."""
    with closing(sqlite3.connect(path)) as file:
        (hashed,) = file.execute("SELECT password_hash FROM users WHERE id = ?", (user.id,)).fetchone()
        (telegram_id,) = file.execute("SELECT telegram_id FROM telegram_identities").fetchone()
    return [*NAMES.values(), *EVENT.values(), PASSWORD, hashed, str(telegram_id)]


def test_a_deleted_account_leaves_nothing_in_the_file_its_log_or_a_backup(fresh_server: Server) -> None:
    user, event = rich_life(fresh_server)
    path = fresh_server.settings.database_path
    secrets = secrets_of(path, user)
    present = {spelling for _, spelling in traces(path, secrets)}
    assert present >= {*NAMES.values(), EVENT["title"], fold(EVENT["title"])}, "the search would find them"

    assert user.delete("/users/me").status_code == 200
    assert traces(path, secrets) == []
    assert fresh_server.client.get(f"/events/{event['id']}").status_code == 404


def test_words_of_a_deleted_event_are_in_no_part_of_the_search_index(fresh_server: Server) -> None:
    user, other = fresh_server.sign_up(), fresh_server.sign_up()
    path = fresh_server.settings.database_path
    user.create_event(title="ჯჯჯ")
    user.delete(f"/events/{user.create_event(title='ჟჟჟ')['id']}")
    other.create_event(title="Another")
    assert {spelling for _, spelling in traces(path, ["ჯჯჯ", "ჟჟჟ"])} == {"ჯჯჯ", "ჟჟჟ"}
    assert user.delete("/users/me").status_code == 200
    assert traces(path, ["ჯჯჯ", "ჟჟჟ"]) == []
    assert [event["title"] for event in other.get("/events?q=anoth").json()["events"]] == ["Another"]


def test_an_account_leaves_nothing_while_others_read_all_the_time(fresh_server: Server) -> None:
    path, over = fresh_server.settings.database_path, threading.Event()
    reader = fresh_server.sign_up()

    def read() -> None:
        while not over.is_set():
            assert reader.get("/users/me/export").status_code == 200

    with ThreadPoolExecutor(8) as pool:
        reading = [pool.submit(read) for _ in range(8)]
        try:
            for number in range(5):
                name = f"Безымянный{number}"
                assert fresh_server.sign_up(username=name).delete("/users/me").status_code == 200
                assert traces(path, [name]) == []
        finally:
            over.set()
        for one in reading:
            one.result()
