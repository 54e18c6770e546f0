"""Upgrades keep all data, and a downgrade finds the file from before the upgrade."""

import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from eventorg.backups.restore import restore
from eventorg.errors import OperatorError
from eventorg.settings import Settings
from eventorg.storage.invariants import find_miscounts
from eventorg.storage.migrations import Component, find_pending
from eventorg.storage.schema import (
    core_component,
    count_unverified_addresses,
    find_faults,
    pre_migration_copy,
    prepare,
)
from eventorg.storage.sqlite import connect_reader, connect_writer
from eventorg.testing import PASSWORD, Clock, User, check_problem, running
from tests.programs import run, sentence

RELEASES = sorted((Path(__file__).parent / "released").glob("*.sql"))
"""Database files of earlier releases: `<version>.sql`. Each release adds one; none is ever changed."""
CODE = "5DFM3VeSm"


def released(path: Path, release: Path) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(release.read_text(encoding="utf-8"))
        connection.execute("PRAGMA journal_mode = WAL")
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Returns the file of the newest release after the upgrade."""
    path = released(tmp_path / "eventorg.db", RELEASES[-1])
    prepare(path, [core_component()], Clock())
    for kept in tmp_path.glob("*before*"):
        kept.unlink()
    return path


@pytest.fixture
def newer(tmp_path: Path) -> Component:
    """Returns the core of a future release that has one more migration."""
    folder = shutil.copytree(core_component().folder, tmp_path / "newer")
    (folder / "9000_notes.sql").write_text("CREATE TABLE notes (id INTEGER PRIMARY KEY) STRICT;\n")
    return Component("eventorg", folder)


def tables(path: Path) -> set[str]:
    with closing(connect_reader(path)) as connection:
        return {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def find_pending_of(path: Path) -> list[str]:
    with closing(connect_reader(path)) as connection:
        return find_pending(connection, core_component())


def users(path: Path) -> set[str]:
    with closing(connect_reader(path)) as connection:
        return {row[0] for row in connection.execute("SELECT username FROM users WHERE username IS NOT NULL")}


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.stem)
def test_the_file_of_every_release_is_served_with_its_data(tmp_path: Path, release: Path) -> None:
    path = released(tmp_path / "eventorg.db", release)
    with running(Settings(database=str(path), log_level="error")) as server:
        event = server.client.get(f"/events/{CODE}").json()
        assert (event["title"], event["registered_count"], event["waitlisted_count"]) == ("Чай и пирог", 1, 1)
        assert [found["id"] for found in server.client.get("/events?q=пирог").json()["events"]] == [event["id"]]
        anna, boris = (User(server.client, {}, server.log_in(f"{name}@example.com")) for name in ("anna", "boris"))
        assert anna.get("/users/me").json()["first_name"] == "Анна"
        assert boris.delete(f"/events/{CODE}/register").json()["status"] == "cancelled"
        listed = anna.get(f"/events/{CODE}/participants").json()["participants"]
        assert [one["status"] for one in listed] == ["registered"]
        told = anna.get("/changes?after=0").json()["changes"]
        assert [change["data"] for change in told[:5]] == [None] * 5  # from before the upgrade
        assert told[-1]["data"]["by"] == "system"  # the promotion after Boris left
        assert len(told) >= 7
    assert find_faults(path, [core_component()], depth="thorough") == find_miscounts(path) == []


def test_addresses_from_before_the_upgrade_are_unverified(tmp_path: Path) -> None:
    path = released(tmp_path / "eventorg.db", RELEASES[0])
    with running(Settings(plugins="none", database=str(path), log_level="error")) as server:
        user = User(server.client, {}, server.log_in("anna@example.com"))
        assert user.get("/users/me").json()["email_verified"] is False
        with_address = count_unverified_addresses(path)
        assert with_address >= 2
        user.account = user.get("/users/me").json()
        server.verify_email(user)
        assert user.get("/users/me").json()["email_verified"] is True
        assert count_unverified_addresses(path) == with_address - 1


def test_an_upgrade_from_the_first_release_keeps_its_file(tmp_path: Path) -> None:
    path = released(tmp_path / "eventorg.db", RELEASES[0])
    first, *_ = prepare(path, [core_component()], Clock())
    kept = pre_migration_copy(path, "eventorg", first.removeprefix("eventorg/"))
    assert find_pending_of(kept)[0] == first.removeprefix("eventorg/")
    assert find_pending_of(path) == []
    assert users(kept) == users(path) == {"anna", "boris", "vera"}


def test_an_upgrade_keeps_the_requests_that_have_a_key(tmp_path: Path) -> None:
    """And finds out once in which language a problem was described."""
    path = released(tmp_path / "eventorg.db", RELEASES[0])
    rows = [
        ("bot:user", "done", "f1", "2027-01-01T12:00:00Z", '{"id": 1}', None),
        ("bot:user", "ru", "f2", "2027-01-01T12:00:00Z", None, '{"title":"Не найдено","detail":"Tea"}'),
        ("bot:user", "en", "f3", "2027-01-01T12:00:00Z", None, '{"title":"Not found","detail":"Чай"}'),
    ]
    with closing(connect_writer(path)) as connection:
        connection.executemany(
            "INSERT INTO outcomes (caller, key, fingerprint, at, result, refusal) VALUES (?, ?, ?, ?, ?, ?)", rows
        )
    prepare(path, [core_component()], Clock())
    with closing(connect_reader(path)) as connection:
        kept = connection.execute(
            "SELECT owner, key, fingerprint, at, result, refusal, language "
            "FROM idempotency_records ORDER BY fingerprint"
        ).fetchall()
    languages = [None, "ru", "en"]
    assert [tuple(row) for row in kept] == [(*row, language) for row, language in zip(rows, languages, strict=True)]


def test_an_upgrade_keeps_registrations_and_uses_no_number_of_theirs_twice(tmp_path: Path) -> None:
    path = released(tmp_path / "eventorg.db", RELEASES[0])
    listing = "SELECT seq, event_id, user_id, status, registration_date FROM registrations ORDER BY seq"
    with closing(connect_writer(path)) as connection:
        connection.execute("UPDATE sqlite_sequence SET seq = 7 WHERE name = 'registrations'")  # five rows were deleted
        connection.execute("CREATE VIEW diary_guests AS SELECT user_id FROM registrations")  # made by a plugin
        before = [tuple(row) for row in connection.execute(listing)]
    prepare(path, [core_component()], Clock())
    with closing(connect_writer(path)) as connection:
        assert [tuple(row) for row in connection.execute(listing)] == before
        assert len(connection.execute("SELECT * FROM diary_guests").fetchall()) == len(before) == 2
        made = connection.execute(
            "INSERT INTO registrations (event_id, user_id, status, registration_date) "
            "SELECT event_id, (SELECT id FROM users WHERE username = 'anna'), 'cancelled', registration_date "
            "FROM registrations LIMIT 1 RETURNING seq"
        ).fetchone()
    assert made["seq"] == 8


def test_a_migration_keeps_the_file_of_before(path: Path, newer: Component) -> None:
    assert prepare(path, [newer], Clock())[-1] == "eventorg/9000_notes.sql"
    kept = path.with_name("eventorg.db.before-eventorg-9000_notes")
    assert "notes" in tables(path)
    assert "notes" not in tables(kept)
    assert users(kept) == {"anna", "boris", "vera"}
    assert kept.stat().st_mode & 0o777 == 0o600


def test_an_older_program_refuses_and_names_the_way_back(path: Path, newer: Component) -> None:
    prepare(path, [newer], Clock())
    kept = pre_migration_copy(path, "eventorg", "9000_notes.sql")
    said = sentence(run(path, "serve"))
    assert "A newer version of eventorg has changed the database" in said
    assert said.endswith(f"`eventorg restore {kept}`.")
    restored = run(path, "restore", kept)
    assert restored.returncode == 0, restored.stderr
    assert find_faults(path, [core_component()]) == []
    assert users(path) == {"anna", "boris", "vera"}


def test_a_second_upgrade_keeps_what_was_there_before_it(path: Path, newer: Component) -> None:
    prepare(path, [newer], Clock())
    kept = pre_migration_copy(path, "eventorg", "9000_notes.sql")
    restore(kept, path, [core_component()], Clock())
    with closing(connect_writer(path)) as connection:
        connection.execute("UPDATE users SET username = 'galina', username_key = 'galina' WHERE username = 'vera'")
    prepare(path, [newer], Clock())
    assert users(kept) == {"anna", "boris", "galina"}


def test_programs_that_upgrade_at_once_keep_the_file_of_before(path: Path, newer: Component) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: prepare(path, [newer], Clock()), range(4)))
    assert sorted(map(len, done))[:3] == [0, 0, 0]
    assert "notes" not in tables(pre_migration_copy(path, "eventorg", "9000_notes.sql"))
    assert not list(path.parent.glob(".*"))


def test_without_room_for_the_copy_nothing_is_migrated(path: Path, newer: Component) -> None:
    def full(what: str, done: int, total: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OperatorError, match="No space left on device"):
        prepare(path, [newer], Clock(), full)
    assert "notes" not in tables(path)
    assert not list(path.parent.glob("*before*"))


@pytest.fixture
def plugin(tmp_path: Path) -> Component:
    folder = tmp_path / "plugin"
    folder.mkdir()
    (folder / "0001_initial.sql").write_text("CREATE TABLE diary_entries (id INTEGER PRIMARY KEY) STRICT;\n")
    return Component("diary", folder, "diary_")


def test_neither_a_new_file_nor_a_new_plugin_makes_a_copy(tmp_path: Path, path: Path, plugin: Component) -> None:
    prepare(tmp_path / "new.db", [core_component(), plugin], Clock())
    prepare(path, [core_component(), plugin], Clock())
    assert not list(tmp_path.glob("*before*"))
    (plugin.folder / "0002_more.sql").write_text("CREATE TABLE diary_more (id INTEGER PRIMARY KEY) STRICT;\n")
    prepare(path, [core_component(), plugin], Clock())
    (kept,) = tmp_path.glob("*before*")
    assert kept.name == "eventorg.db.before-diary-0002_more"


def test_names_that_collide_after_the_upgrade_stay_usable(tmp_path: Path) -> None:
    """Each of two accounts keeps its key and its login, and nobody else gets either name."""
    path = released(tmp_path / "eventorg.db", RELEASES[0])
    twins = {
        "anna\u3164": ("anna\u1160", "a@xn--80a1acny.xn--p1ai"),
        "anna-2": ("anna-2", "a@почта.рф"),
        "alone\ufe0f": ("alone\ufe0f", "b@xn--80a1acny.xn--p1ai"),
    }
    with closing(connect_writer(path)) as connection:
        for number, (username, (key, email)) in enumerate(twins.items()):
            connection.execute(
                "INSERT INTO users SELECT ?, ?, ?, ?, ?, password_hash, first_name, last_name, locale, timezone, 1, 1, "
                "created_at, updated_at FROM users WHERE username = 'anna'",
                (f"0b9fdc1e-7f5c-4a55-9f0e-3c1d5d3a6f0{number}", username, key, email, email),
            )
    with running(Settings(plugins="none", database=str(path), log_level="error")) as server:
        for username, (_, email) in twins.items():
            user = User(server.client, {}, server.log_in(email))
            assert user.get("/users/me").json()["username"] == username
            assert user.patch("/users/me", json={"first_name": "Another"}).status_code == 200
            assert server.log_in(email)
        assert server.log_in("b@почта.рф"), "the other form, where nothing collides"
        for name in ("anna\ufe0f", "alone"):
            taken = {"username": name, "email": "c@example.com", "password": PASSWORD}
            check_problem(server.client.post("/users", json=taken), 409, "username_taken")
        for email in ("b@почта.рф", "A@XN--80a1acny.xn--p1ai"):
            taken = {"username": "somebody", "email": email, "password": PASSWORD}
            check_problem(server.client.post("/users", json=taken), 409, "email_taken")
