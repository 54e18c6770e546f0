"""Every statement finds its rows by an index, so that a million registrations cost as much as a thousand."""

import itertools
import math
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import lru_cache

import pytest

from eventorg.domain.events import EventQuery
from eventorg.package_data import data_folder
from eventorg.repositories import event_search
from eventorg.repositories.event_search import compose_search
from eventorg.storage.schema import core_component, prepare
from eventorg.storage.sqlite import connect_writer
from eventorg.storage.statements import Statement, Statements

STATEMENTS = list(Statements(data_folder("sql")))

# What reads a whole table, or would without its LIMIT, and why it may.
ALLOWED = {
    ("get_feed_bounds", "changes"): "the oldest change: one row in the order of the key",
    ("get_feed_bounds", "sqlite_sequence"): "one row a table that counts",
    ("forget_callers", "revocations"): "one row",
    ("get_last_change", "sqlite_sequence"): "one row a table that counts",
    ("forget_changes", "changes"): "the oldest thousand in the order of the key",
    ("get_revocations", "revocations"): "one row",
    ("list_open_tasks", "open_tasks"): "a row a task that is too long for one transaction",
    ("list_bots", "bots"): "a row for each bot of the operator's",
    ("list_unreachable_users", "unreachable_users"): "all of them, once at the start",
    ("probe", "migrations"): "a row a migration",
    ("register_plugin", "sqlite_sequence"): "one row a table that counts",
    ("list_crashes", "plugin_crashes"): "a row a plugin",
    ("list_plugin_states", "plugins"): "a row a plugin",
    ("list_plugin_states", "sqlite_sequence"): "one row a table that counts",
    ("find_events", "events_search"): "the full-text index, asked with MATCH",
    ("has_many_found", "events_search"): "likewise, up to a limit",
}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """A file with the schema and no rows, so that SQLite plans without statistics, as it does in production."""
    path = tmp_path_factory.mktemp("plans") / "eventorg.db"
    prepare(path, [core_component()], lambda: datetime(2027, 1, 1, tzinfo=UTC))
    with closing(connect_writer(path)) as connection:
        yield connection


def explain(file: sqlite3.Connection, statement: Statement) -> list[str]:
    rows = file.execute(f"EXPLAIN QUERY PLAN {statement.sql}", dict.fromkeys(statement.parameters))
    return [row["detail"] for row in rows]


def scanned(file: sqlite3.Connection, statement: Statement) -> set[str]:
    """Returns the tables that a statement scans completely. Its own temporary tables do not count."""
    tables = {row["name"] for row in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    plan = explain(file, statement)
    built = {match[1] for line in plan if (match := re.fullmatch(r"(?:CO-ROUTINE|MATERIALIZE) (\S+)", line))}
    scans = {line.split()[1] for line in plan if line.startswith("SCAN ") and line != "SCAN CONSTANT ROW"}
    scans.discard("json_each")  # the values of a parameter
    assert scans <= tables | built, f"{statement.name} scans a table by another name: {plan}"
    return scans - built


TAGS: list[dict[str, str]] = [{}, {"a": "1"}, {"a": "1", "b": "2"}]


def queries(step: int) -> Iterator[tuple[str, Statement]]:
    """Yields every combination of filters of the list of events, or every `step`th: first and later pages, with and
    without a viewer."""
    time = "2027-01-01T00:00:00Z"
    choices = itertools.product(
        [None, time],
        [None, time],
        [None, "ab", "abc", "a longer text"],
        [None, "x"],
        [None, "cancelled"],
        [None, "v"],
        [None, ("a", "b")],
        TAGS,
    )
    shapes = ((*choice, bot) for choice in choices for bot in ((None, "b") if choice[-1] else (None,)))
    for start_from, start_to, q, organizer, status, viewer, after, tags, bot in itertools.islice(shapes, 0, None, step):
        wanted = EventQuery(start_from=start_from, start_to=start_to, q=q, organizer_id=organizer, status=status,  # type: ignore[arg-type]
                            metadata=tags)  # fmt: skip
        yield str(wanted), compose_search(wanted, viewer, bot, after, 100)[0]


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: statement.name)
def test_no_statement_reads_a_table_from_end_to_end(file: sqlite3.Connection, statement: Statement) -> None:
    allowed = {table for name, table in ALLOWED if name == statement.name}
    assert scanned(file, statement) == allowed


@pytest.mark.parametrize(
    ("sql", "index"),
    [
        ("SELECT title FROM eventorg_events WHERE id = :id", "events_1 (id=?)"),
        ("SELECT id FROM eventorg_events WHERE organizer_id = :id", "events_of_organizer (organizer_id=?)"),
        ("SELECT username FROM eventorg_users WHERE id = :id", "PRIMARY KEY (id=?)"),
        ("SELECT count(*) FROM eventorg_registrations WHERE event_id = :id", "registrations_in_order (event_id=?)"),
        ("SELECT event_id FROM eventorg_registrations WHERE user_id = :id", "registrations_1 (user_id=?)"),
        ("SELECT 1 FROM eventorg_hosts WHERE event_id = :id AND user_id = :id", "(event_id=? AND user_id=?)"),
        ("SELECT 1 FROM eventorg_hosts WHERE user_id = :id", "events_of_organizer (organizer_id=?)"),
        ("SELECT answer FROM eventorg_rsvps WHERE event_id = :id", "PRIMARY KEY (event_id=?)"),
        ("SELECT type FROM eventorg_changes WHERE event_id = :id AND seq > :id", "changes_of_event (event_id=?"),
        ("SELECT user_id FROM eventorg_audience WHERE seq = :id", "change_audience_of_change (seq=?)"),
        ("SELECT state FROM eventorg_deliveries WHERE event_id = :id", "deliveries_of_event (event_id=?)"),
        ("SELECT channel FROM eventorg_contacts WHERE user_id = :id", "PRIMARY KEY (id=?)"),
        (
            "SELECT r.status FROM eventorg_events AS e LEFT JOIN eventorg_registrations AS r"
            " ON r.event_id = e.id AND r.user_id = :id WHERE e.id = :id",
            "registrations_1 (user_id=? AND event_id=?)",
        ),
    ],
)
def test_a_view_for_plugins_is_read_by_the_index_of_its_table(file: sqlite3.Connection, sql: str, index: str) -> None:
    statement = Statement("view", sql, ("id",), "here")
    plan = explain(file, statement)
    assert any(index in line for line in plan), plan
    assert scanned(file, statement) == set(), plan


# 7 has no factor in common with the numbers of choices, so each choice of each filter is among every 7th combination.
some_or_all = pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.slow)])


@some_or_all
def test_no_combination_of_filters_reads_a_table_from_end_to_end(file: sqlite3.Connection, step: int) -> None:
    composed = list(queries(step))
    assert len(composed) == math.ceil(256 * 5 / step)
    for wanted, statement in composed:
        plan = explain(file, statement)
        assert scanned(file, statement) <= {"events_search"}, f"{wanted}: {plan}"
        assert all("VIRTUAL TABLE INDEX 0:M" in line for line in plan if "SCAN events_search" in line)


@some_or_all
def test_a_kept_statement_is_the_one_that_is_composed_anew(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    compose, most = event_search._compose.__wrapped__, event_search._MAX_KEPT // step
    monkeypatch.setattr(event_search, "_compose", lru_cache(most)(compose))
    kept = [statement for _, statement in queries(step)]
    kept_again = [statement for _, statement in queries(step)]
    monkeypatch.setattr(event_search, "_compose", compose)
    composed = [statement for _, statement in queries(step)]
    assert [(one.sql, one.parameters) for one in kept] == [(one.sql, one.parameters) for one in composed]
    assert [(one.sql, one.parameters) for one in kept_again] == [(one.sql, one.parameters) for one in composed]
    assert len({one.sql for one in composed}) > most


def test_a_statement_is_kept_for_all_values_of_its_parameters() -> None:
    first, other = (
        compose_search(EventQuery(q=text, organizer_id=text, metadata={text: text}), text, text, (text, text), limit)
        for text, limit in (("first", 1), ("other", 2))
    )
    assert first[0] is other[0]
    assert first[1].keys() == other[1].keys() == set(first[0].parameters)
    assert not set(first[1].values()) & set(other[1].values()) - {"published"}


@pytest.mark.parametrize("viewer", [None, "somebody"])
def test_metadata_is_looked_up_by_the_bot_or_for_each_event_of_a_host(
    file: sqlite3.Connection, viewer: str | None
) -> None:
    statement, _ = compose_search(EventQuery(metadata={"a": "1", "b": "2"}), viewer, "bot", None, 100)
    plan = explain(file, statement)
    assert "SEARCH event_metadata USING COVERING INDEX event_metadata_of_bot (bot=? AND key=? AND value=?)" in plan
    assert plan.count("SEARCH has USING PRIMARY KEY (event_id=? AND key=?)") == 5
    assert any("events USING COVERING INDEX events_of_organizer (organizer_id=?" in line for line in plan)


def test_public_events_are_read_in_the_order_of_an_index(file: sqlite3.Connection) -> None:
    for viewer in (None, "somebody"):
        statement, _ = compose_search(EventQuery(), viewer, None, ("2027", "id"), 100)
        plan = explain(file, statement)
        assert any("events_in_order (visibility=? AND status=? AND (start_time,id)>(?,?))" in line for line in plan)
        assert plan.count("USE TEMP B-TREE FOR ORDER BY") == (1 if viewer is None else 2), "the page, the hosted ones"


def test_a_walk_for_a_common_text_reads_a_range_of_an_index(file: sqlite3.Connection) -> None:
    for after, place in (
        (None, "(start_time,id)<(?,?)"),
        (("2027", "id"), "(start_time,id)>(?,?) AND (start_time,id)<(?,?)"),
    ):
        wanted = EventQuery(q="common")
        statement, _ = compose_search(wanted, None, None, after, 100, before=("2100", "id"), by_index=False)
        plan = explain(file, statement)
        assert any(f"events_in_order (visibility=? AND status=? AND {place})" in line for line in plan), plan
        assert scanned(file, statement) == set()
    (statement,) = (statement for statement in STATEMENTS if statement.name == "find_position")
    assert any("COVERING INDEX events_in_order" in line for line in explain(file, statement))


def test_a_users_events_are_found_by_the_user(file: sqlite3.Connection) -> None:
    statement = next(statement for statement in STATEMENTS if statement.name == "list_events_of")
    plan = explain(file, statement)
    for found in (
        "COVERING INDEX events_of_organizer (organizer_id=? AND (start_time,id)>(?,?) AND start_time<?)",
        "COVERING INDEX event_hosts_of_user (user_id=?)",
        "registrations USING INDEX sqlite_autoindex_registrations_1 (user_id=?)",
    ):
        assert any(line.endswith(found) for line in plan), found


def test_an_organizers_events_are_found_by_the_organizer(file: sqlite3.Connection) -> None:
    for viewer in (None, "somebody"):
        statement, _ = compose_search(EventQuery(organizer_id="organizer"), viewer, None, None, 100)
        assert not any("events_in_order" in line for line in explain(file, statement))


def test_a_rare_phrase_is_looked_up_and_a_frequent_one_is_met_on_the_way(file: sqlite3.Connection) -> None:
    for start in (None, "2027-01-01T00:00:00Z"):
        wanted = EventQuery(q="abc", start_from=start)
        rare, frequent = (explain(file, compose_search(wanted, "a", None, None, 20, each)[0]) for each in (True, False))
        assert scanned(file, compose_search(wanted, "a", None, None, 20, True)[0]) == {"events_search"}
        assert any(line == "SEARCH events USING INTEGER PRIMARY KEY (rowid=?)" for line in rare), rare
        assert any("events_in_order" in line for line in frequent), frequent


@pytest.mark.parametrize(
    ("name", "indexes"),
    [
        (
            "list_own_changes",
            ["changes_of_user (user_id=? AND seq>?)", "changes_of_organizer (organizer_id=? AND seq>?)"],
        ),
        (
            "list_other_changes",
            [
                "COVERING INDEX changes_of_event (event_id=? AND seq>? AND seq<?)",
                "changes_without_names (event_id=? AND seq>? AND seq<?)",
                "changes_for_hosts (about_event_id=? AND seq>? AND seq<?)",
                "events_inherited (organizer_id=?)",
                "change_audience USING PRIMARY KEY (user_id=? AND seq>?)",
            ],
        ),
    ],
)
def test_the_changes_for_a_user_are_found_by_indexes(file: sqlite3.Connection, name: str, indexes: list[str]) -> None:
    (statement,) = (statement for statement in STATEMENTS if statement.name == name)
    plan = explain(file, statement)
    for index in indexes:
        assert any(index in line for line in plan), (index, plan)


def test_stored_answers_are_read_in_the_order_of_an_index(file: sqlite3.Connection) -> None:
    (statement,) = (statement for statement in STATEMENTS if statement.name == "list_stored_answers")
    index = "rsvps_in_order (event_id=? AND answer=? AND (answered_at,user_id)>(?,?))"
    assert explain(file, statement) == [f"SEARCH rsvps USING COVERING INDEX {index}"]


@pytest.mark.parametrize(
    ("sql", "table"),
    [
        ("SELECT seq FROM registrations WHERE status = :status", "registrations"),
        ("SELECT id FROM events WHERE title = :title", "events"),
        ("SELECT id FROM events ORDER BY created_at LIMIT :limit", "events"),
        ("DELETE FROM changes WHERE at < :before", "changes"),
        ("SELECT seq FROM changes WHERE coalesce(event_id, user_id) = :id", "changes"),
    ],
)
def test_a_statement_without_an_index_is_seen(file: sqlite3.Connection, sql: str, table: str) -> None:
    statement = Statement("bad", sql, tuple(re.findall(r":(\w+)", sql)), "here")
    assert scanned(file, statement) == {table}


def test_a_table_under_another_name_is_seen(file: sqlite3.Connection) -> None:
    statement = Statement("bad", "SELECT few.id FROM events AS few", (), "here")
    with pytest.raises(AssertionError, match="by another name"):
        scanned(file, statement)


def test_a_missing_index_is_seen(file: sqlite3.Connection) -> None:
    statement = next(statement for statement in STATEMENTS if statement.name == "list_participants")
    with closing(sqlite3.connect(":memory:")) as copy:
        file.backup(copy)
        copy.row_factory = sqlite3.Row
        copy.executescript("DROP INDEX registrations_in_order; DROP INDEX waiting_lists")
        assert not any("registrations_in_order" in line for line in explain(copy, statement))
        copy.execute("CREATE TABLE without_key AS SELECT * FROM registrations")
        bare = Statement(
            "bare", statement.sql.replace("FROM registrations", "FROM without_key"), statement.parameters, ""
        )
        assert "without_key" in scanned(copy, bare)
