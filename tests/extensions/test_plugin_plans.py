"""The statements of the plugins that come along find their rows by an index, above all those of their jobs."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from eventorg.core import Core
from eventorg.settings import Settings
from eventorg.storage.sqlite import connect_reader

# What reads a whole table, or would without its LIMIT, and why it may.
ALLOWED = {
    ("questions", "delete_other_answers"): {"chosen"},  # the values of a parameter
    ("reminders", "list_due"): {"before"},  # the offsets of a user
    ("series", "list_carrying"): {"series_occurrences"},  # an index of those alone from which people are carried over
    ("series", "list_upcoming"): {"names"},  # the fields that a change names
    ("telegram_bot", "list_postponing"): {"telegram_bot_postponed"},  # at the start: what a crash has interrupted
    ("webhooks", "has_open_endpoints"): {"webhooks_endpoints"},  # the first one
    ("webhooks", "list_endpoints"): {"webhooks_endpoints"},  # the operator's command
}


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Core:
    core = Core(Settings(database=str(tmp_path_factory.mktemp("plans") / "eventorg.db")))
    core.prepare()
    return core


@pytest.fixture(scope="module")
def file(core: Core) -> Iterator[sqlite3.Connection]:
    with closing(connect_reader(core.settings.database_path)) as connection:
        yield connection


def scanned(file: sqlite3.Connection, sql: str, parameters: tuple[str, ...]) -> set[str]:
    """Returns what a statement reads from end to end, without its own temporary tables."""
    plan = [row["detail"] for row in file.execute(f"EXPLAIN QUERY PLAN {sql}", dict.fromkeys(parameters))]
    built = {match[1] for line in plan if (match := re.fullmatch(r"(?:CO-ROUTINE|MATERIALIZE) (\S+)", line))}
    scans = {line.split()[1] for line in plan if line.startswith("SCAN ") and line != "SCAN CONSTANT ROW"}
    return scans - built - {"json_each"}


def test_no_statement_of_a_plugin_reads_a_table_from_end_to_end(core: Core, file: sqlite3.Connection) -> None:
    found = {
        (loaded.plugin.name, statement.name): scans
        for loaded in core.loaded
        for statement in loaded.sql
        if (scans := scanned(file, statement.sql, statement.parameters))
    }
    assert found == ALLOWED


def test_a_statement_without_an_index_is_seen(file: sqlite3.Connection) -> None:
    assert scanned(file, "DELETE FROM reminders_made WHERE due_at < :before", ("before",)) == {"reminders_made"}


def test_the_longest_offset_and_the_webhooks_with_messages_are_found_by_steps_in_an_index(
    core: Core, file: sqlite3.Connection
) -> None:
    sql = {loaded.plugin.name: loaded.sql for loaded in core.loaded}
    for statement, step in (
        (sql["reminders"].get_longest_offset, "SEARCH reminders_user_offsets USING COVERING INDEX"),
        (sql["webhooks"].list_ready, "SEARCH later USING COVERING INDEX webhooks_deliveries_due (webhook_id>?)"),
        (sql["webhooks"].forget_deliveries, "USING INDEX webhooks_deliveries_by_age (created_at<?)"),
        (sql["broadcasts"].list_settled, "USING INDEX broadcasts_recipients_unsettled (delivery_id>?)"),
    ):
        parameters = dict.fromkeys(statement.parameters)
        plan = [row["detail"] for row in file.execute(f"EXPLAIN QUERY PLAN {statement.sql}", parameters)]
        assert any(step in line for line in plan), plan
