"""The export has what plugins keep, and a broken plugin spoils nothing of it."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eventorg.settings import Settings
from eventorg.testing import Server, User, running
from tests import telegram
from tests.extensions.plugin_files import settings_of

# Columns that plugins do not export, with the reason. All others must be in the export.
LEFT_OUT = {
    (
        "calendar_export_addresses",
        "sha256",
    ): "a hash of a secret that the user was shown",
    ("reminders_user_offsets", "longest"): "computed from `offsets`",
    ("webhooks_endpoints", "secret"): "shown once; every message is signed with it",
    ("webhooks_endpoints", "after"): "a number of the change log",
    ("webhooks_endpoints", "attempted_at"): "what the server did with the receiver",
    ("webhooks_endpoints", "quick"): "what the server did with the receiver",
    ("broadcasts_messages", "audience"): "the same as `to`",
    ("broadcasts_messages", "finished_at"): "what the server did with the message",
}
BROKEN = """
from eventorg.plugin import Plugin

def export(user_id, context, tx):
    {}

plugin = Plugin(name="broken", export=export)
"""
WAYS = {
    "it raises": "raise RuntimeError('spilt')",
    "it exits": "raise SystemExit(3)",
    "no JSON": "return object()",
    "half a character": "return '\\ud800'",
    "it writes": "tx.run(context.sql.no_such_statement)",
    "an endless nest": "nest = []; nest.append(nest); return nest",
}


@pytest.fixture
def bundled(tmp_path: Path) -> Iterator[Server]:
    """A server with all bundled plugins."""
    others = {"webhooks_allow_private": "true"}
    with running(Settings(database=str(tmp_path / "eventorg.db"), log_level="error", others=others)) as server:
        yield server


def told_a_lot(server: Server) -> User:
    """A user of whom every plugin that comes along keeps something."""
    user, bot = server.sign_up(), server.make_bot("act", "deliver")
    telegram.link(bot, telegram.new_id(), user)
    event = user.create_event(start_time="2027-01-01T12:30:00Z")
    user.put("/users/me/reminders", json=[{"before": "PT2H"}]).raise_for_status()
    user.post(f"/events/{event['id']}/register").raise_for_status()
    user.post("/users/me/calendar").raise_for_status()
    user.post(f"/events/{event['id']}/webhooks", json={"url": "http://127.0.0.1:9/"}).raise_for_status()
    server.clock.advance(seconds=11)
    leased = server.wait_for(lambda: bot.post("/deliveries/lease").json()["deliveries"])
    bot.post(f"/deliveries/{leased[0]['id']}/ack", json={"result": "blocked"}).raise_for_status()
    user.post(f"/events/{event['id']}/broadcasts", json={"text": "Hello"}).raise_for_status()
    return user


def texts_of(value: Any) -> set[str]:
    """The plain values that a JSON document is made of."""
    if isinstance(value, dict | list):
        members = value.values() if isinstance(value, dict) else value
        return set().union(*(texts_of(member) for member in members))
    return {str(value)}


def test_the_export_has_everything_that_plugins_keep(bundled: Server) -> None:
    user = told_a_lot(bundled)
    export = user.get("/users/me/export").json()
    assert export["plugins"]["reminders"] == {"reminders": [{"before": "PT2H"}]}
    told, _ = export["deliveries"]
    assert (told["kind"], told["state"], told["texts"].keys()) == ("reminder", "blocked", {"ru", "en"})
    assert export["incomplete"] == []
    known = texts_of(export) | {"[7200]", "*"}
    missing, tables = set(), set()
    with closing(sqlite3.connect(bundled.settings.database_path)) as file:
        file.row_factory = sqlite3.Row
        for (table,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            if not table.startswith(("broadcasts_", "calendar_export_", "reminders_", "webhooks_")):
                continue
            for row in map(dict, file.execute(f'SELECT * FROM "{table}"')):
                if user.id not in row.values():
                    continue
                tables.add(table)
                missing |= {(table, name) for name, value in row.items() if value and str(value) not in known}
    assert missing - LEFT_OUT.keys() == set()
    assert tables >= {table for table, _ in LEFT_OUT}


def test_of_others_plugins_export_nothing(bundled: Server) -> None:
    user = told_a_lot(bundled)
    export = bundled.sign_up().get("/users/me/export").json()
    assert user.id not in json.dumps(export)
    assert export["plugins"].pop("questions", []) == []
    assert export["plugins"].pop("telegram_bot", []) == []
    assert export["plugins"].pop("series", []) == []
    assert export["plugins"] == {
        "broadcasts": {"written": [], "received": []},
        "calendar_export": {"address_made_at": None, "moves": []},
        "placements": [],
        "reminders": {"reminders": None},
        "webhooks": [],
    }


@pytest.mark.parametrize("way", WAYS)
def test_a_broken_plugin_is_named_and_spoils_nothing(tmp_path: Path, way: str) -> None:
    files = {"broken.py": BROKEN.format(WAYS[way])}
    with running(settings_of(tmp_path, files, log_level="critical")) as server:
        user = server.sign_up()
        answer = user.get("/users/me/export")
        assert answer.status_code == 200, answer.text
        export = answer.json()
        assert (export["plugins"], export["incomplete"]) == ({}, ["broken"])
        assert export["user"]["id"] == user.id
        assert server.client.get("/health").status_code == 200
