"""Migrations: each file once, all of them or none, also when several programs migrate at once."""

import hashlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from eventorg.core import Core
from eventorg.settings import Settings
from eventorg.storage import migrations
from eventorg.storage import sqlite as storage
from eventorg.storage.migrations import Component, MigrationError, find_pending, migrate
from eventorg.storage.schema import core_component, find_faults, prepare
from eventorg.storage.sqlite import connect_reader, connect_writer
from eventorg.testing import Clock
from tests.programs import CHECKOUT, environment, run, sentence, serving

NOW = "2027-01-01T12:00:00Z"


@pytest.fixture
def component(tmp_path: Path) -> Component:
    """A component with one migration, to which tests add more."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_notes.sql").write_text("CREATE TABLE notes (text TEXT NOT NULL) STRICT;\n")
    return Component("notes", folder)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect_writer(tmp_path / "notes.db")) as connection:
        yield connection


def tables(connection: sqlite3.Connection) -> set[str]:
    return {row["name"] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def write(component: Component, name: str, script: str) -> Path:
    file = component.folder / name
    file.write_text(script)
    return file


def test_each_file_is_applied_once_in_order(component: Component, connection: sqlite3.Connection) -> None:
    write(component, "0003_c.sql", "INSERT INTO notes VALUES ('third');")
    write(component, "0002_b.sql", "INSERT INTO notes VALUES ('second');")
    assert migrate(connection, [component], NOW) == ["notes/0001_notes.sql", "notes/0002_b.sql", "notes/0003_c.sql"]
    assert migrate(connection, [component], NOW) == []
    write(component, "0004_d.sql", "INSERT INTO notes VALUES ('fourth');")
    assert migrate(connection, [component], NOW) == ["notes/0004_d.sql"]
    assert [row["text"] for row in connection.execute("SELECT text FROM notes")] == ["second", "third", "fourth"]
    assert {row["applied_at"] for row in connection.execute("SELECT applied_at FROM migrations")} == {NOW}


def test_two_components_do_not_know_of_each_other(component: Component, connection: sqlite3.Connection) -> None:
    migrate(connection, [component], NOW)
    write(component, "0001_notes.sql", "CREATE TABLE others (text TEXT NOT NULL) STRICT;")
    assert migrate(connection, [Component("others", component.folder)], NOW) == ["others/0001_notes.sql"]
    assert tables(connection) == {"notes", "others", "migrations"}


def test_a_file_that_fails_in_the_middle_leaves_nothing(component: Component, connection: sqlite3.Connection) -> None:
    script = "CREATE TABLE half (id INTEGER);\n\nINSERT INTO half VALUES (1);\n-- a\nINSERT INTO missing VALUES (1);\n"
    file = write(component, "0002_half.sql", script)
    with pytest.raises(MigrationError, match="no such table: missing") as error:
        migrate(connection, [component], NOW)
    assert str(error.value).startswith(f"{file}:4: ")  # where the statement begins, with its comment
    assert not connection.in_transaction
    assert tables(connection) == set()
    write(component, "0002_half.sql", "CREATE TABLE whole (id INTEGER);")
    assert migrate(connection, [component], NOW) == ["notes/0001_notes.sql", "notes/0002_half.sql"]


def test_an_edited_file_is_refused(component: Component, connection: sqlite3.Connection) -> None:
    migrate(connection, [component], NOW)
    write(component, "0001_notes.sql", "CREATE TABLE notes (text TEXT NOT NULL) STRICT; -- better\n")
    with pytest.raises(MigrationError, match=r"0001_notes\.sql of notes has changed"):
        migrate(connection, [component], NOW)
    assert not connection.in_transaction


def test_a_file_that_is_gone_is_refused(component: Component, connection: sqlite3.Connection) -> None:
    write(component, "0002_new.sql", "CREATE TABLE new (id INTEGER);")
    migrate(connection, [component], NOW)
    (component.folder / "0002_new.sql").unlink()
    with pytest.raises(MigrationError, match=r"newer version of notes .* unknown migration 0002_new\.sql"):
        migrate(connection, [component], NOW)


@pytest.mark.parametrize("name", ["1_notes.sql", "0002-notes.sql", "0002_Notes.sql", "0002_.SQL.sql", "notes.sql"])
def test_a_name_out_of_form_is_refused(component: Component, connection: sqlite3.Connection, name: str) -> None:
    write(component, name, "CREATE TABLE more (id INTEGER);")
    with pytest.raises(MigrationError, match=r"to a name such as 0001_initial\.sql"):
        migrate(connection, [component], NOW)
    assert tables(connection) == set()


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK", "END"])
def test_a_file_that_ends_its_transaction_is_refused(
    component: Component, connection: sqlite3.Connection, end: str
) -> None:
    file = write(
        component, "0002_ends.sql", f"CREATE TABLE early (id INTEGER);\n{end};\nCREATE TABLE late (id INTEGER);"
    )
    with pytest.raises(MigrationError, match="must not begin or end a transaction") as error:
        migrate(connection, [component], NOW)
    assert str(error.value).startswith(f"{file}:2: ")
    assert tables(connection) == set()


def test_a_file_that_begins_a_transaction_is_refused(component: Component, connection: sqlite3.Connection) -> None:
    write(component, "0002_begins.sql", "BEGIN;\nCREATE TABLE more (id INTEGER);")
    with pytest.raises(MigrationError, match="must not begin or end a transaction"):
        migrate(connection, [component], NOW)
    assert tables(connection) == set()


def test_a_file_that_is_not_utf_8_is_refused(component: Component, connection: sqlite3.Connection) -> None:
    (component.folder / "0002_cp1251.sql").write_bytes("-- Заметки\nCREATE TABLE more (id INTEGER);".encode("cp1251"))
    with pytest.raises(MigrationError, match=r"0002_cp1251\.sql is not UTF-8"):
        migrate(connection, [component], NOW)
    assert tables(connection) == set()


def test_statements_end_where_sqlite_says(component: Component, connection: sqlite3.Connection) -> None:
    script = """
        -- a comment; with a semicolon
        CREATE TABLE log (text TEXT); -- a word; on it
        /* and; another
        one; */ CREATE TABLE more (id INTEGER);
        CREATE TRIGGER told AFTER INSERT ON notes BEGIN
            INSERT INTO log VALUES ('told; ' || new.text); -- inside; of it
            INSERT INTO log VALUES (';');
        END;
        INSERT INTO notes VALUES ('one;
        two')
    """
    write(component, "0002_trigger.sql", script)
    migrate(connection, [component], NOW)
    assert tables(connection) >= {"log", "more"}
    assert [row["text"].split("\n")[0] for row in connection.execute("SELECT text FROM log")] == ["told; one;", ";"]


def test_two_statements_on_a_line_are_refused(component: Component, connection: sqlite3.Connection) -> None:
    file = write(component, "0002_two.sql", "CREATE TABLE a (id INTEGER); CREATE TABLE b (id INTEGER);")
    with pytest.raises(MigrationError, match=r"one statement at a time\.$") as error:
        migrate(connection, [component], NOW)
    assert str(error.value).startswith(f"{file}:1: ")
    assert tables(connection) == set()


def test_a_program_that_migrates_for_long_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "BUSY_TIMEOUT_MS", 50)
    path = tmp_path / "eventorg.db"
    with closing(connect_writer(path)) as other, ThreadPoolExecutor(1) as pool:
        other.execute("BEGIN IMMEDIATE")
        with closing(connect_writer(path)) as impatient, pytest.raises(sqlite3.OperationalError, match="locked"):
            impatient.execute("BEGIN IMMEDIATE")
        preparing = pool.submit(prepare, path, [core_component()], Clock())
        with pytest.raises(TimeoutError):
            preparing.result(timeout=0.3)
        other.execute("COMMIT")
        assert len(preparing.result(timeout=10)) == len(core_component().files())


def test_a_program_that_switches_the_journal_is_waited_for(tmp_path: Path) -> None:
    """SQLite itself does not wait there: it has a read lock already when it needs a write lock."""
    path = tmp_path / "eventorg.db"
    path.touch()
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as other, ThreadPoolExecutor(1) as pool:
        other.execute("BEGIN IMMEDIATE")  # in the rollback journal, as of a switch that is not finished
        with closing(sqlite3.connect(path, timeout=60)) as impatient, pytest.raises(sqlite3.OperationalError):
            impatient.execute("PRAGMA journal_mode = WAL")
        preparing = pool.submit(prepare, path, [core_component()], Clock())
        with pytest.raises(TimeoutError):
            preparing.result(timeout=0.3)
        other.execute("COMMIT")
        assert len(preparing.result(timeout=10)) == len(core_component().files())


def test_ten_programs_at_once_apply_each_file_once(tmp_path: Path) -> None:
    path = tmp_path / "eventorg.db"
    with ThreadPoolExecutor(10) as threads:
        programs = list(threads.map(lambda _: run(path, "migrate"), range(10)))
    assert [program.returncode for program in programs] == [0] * 10, programs
    assert [program.stdout for program in programs].count("up to date\n") == 9, programs
    assert not list(tmp_path.glob("*before*"))
    with closing(connect_reader(path)) as connection:
        assert connection.execute("SELECT count(*) FROM migrations").fetchone()[0] == len(core_component().files())


def test_no_program_sees_a_schema_that_another_has_migrated_in_part(
    component: Component, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program looks after each file, at the moment when it could take over or copy a part of the schema."""
    write(component, "0002_more.sql", "CREATE TABLE more (id INTEGER) STRICT;")
    path = tmp_path / "notes.db"
    seen: list[list[str]] = []
    apply = migrations._apply

    def look_after(connection: sqlite3.Connection, part: Component, name: str, now: str) -> None:
        apply(connection, part, name, now)
        with closing(connect_reader(path)) as reader, closing(connect_writer(path)) as other:
            seen.append(find_pending(reader, component))
            other.execute("PRAGMA busy_timeout = 0")
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                migrate(other, [component], NOW)

    monkeypatch.setattr(migrations, "_apply", look_after)
    with closing(connect_writer(path)) as connection:
        assert len(migrate(connection, [component], NOW)) == 2
    assert seen == [["0001_notes.sql", "0002_more.sql"]] * 2


def test_a_plugin_that_fails_leaves_the_core_as_it_was(component: Component, connection: sqlite3.Connection) -> None:
    broken = component.folder.with_name("broken")
    broken.mkdir()
    (broken / "0001_broken.sql").write_text("CREATE TABLE tea_cups (id BROKEN) STRICT;\n")
    with pytest.raises(MigrationError, match="unknown datatype"):
        migrate(connection, [component, Component("tea", broken, "tea_")], NOW)
    assert tables(connection) == set()


def test_the_file_of_a_newer_eventorg_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "eventorg.db"
    assert run(path, "migrate").returncode == 0
    with closing(connect_writer(path)) as connection:
        connection.execute("INSERT INTO migrations VALUES ('eventorg', '9999_future.sql', 'x', 'y')")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = hashlib.sha256(path.read_bytes()).digest()
    for command in ("migrate", "serve"):
        assert "A newer version of eventorg" in sentence(run(path, command))
    assert hashlib.sha256(path.read_bytes()).digest() == before


def schema(path: Path) -> list[tuple[str, str]]:
    with closing(connect_reader(path)) as connection:
        return sorted(tuple(row) for row in connection.execute("SELECT name, coalesce(sql, '') FROM sqlite_master"))


@pytest.mark.parametrize("step", [41, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_before_any_statement_the_next_start_goes_on(tmp_path: Path, step: int) -> None:
    killing = [sys.executable, "-m", "tests.storage.killed_migrations", str(tmp_path), str(step)]
    done = subprocess.run(killing, cwd=CHECKOUT, env=environment(tmp_path), check=True, capture_output=True, text=True)
    *killed, (whole, _) = [line.split(" ", 1) for line in done.stdout.splitlines()]
    components = Core(Settings()).components
    files = sum(len(component.files()) for component in components)
    for path, statement in killed:
        with closing(connect_writer(Path(path))) as connection:
            applied = 0
            if "migrations" in tables(connection):
                applied = connection.execute("SELECT count(*) FROM migrations").fetchone()[0]
        rest = prepare(Path(path), components, Clock())
        assert applied + len(rest) == files, statement
        assert schema(Path(path)) == schema(Path(whole)), statement
        assert find_faults(Path(path), components) == [], statement
    commits = [statement for _, statement in killed if statement == "COMMIT"]
    assert step > 1 or len(commits) == 1
    with serving(Path(killed[len(killed) // 2][0]), plugins="reminders,webhooks,calendar_export") as server:
        server.sign_up().create_event()
