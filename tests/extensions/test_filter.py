"""Plugins that filter facts: many in one read."""

import sys
from collections.abc import Callable
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from eventorg.storage.sqlite import connect_reader
from eventorg.storage.statements import Statement
from eventorg.testing import running
from tests.extensions.plugin_files import settings_of

PICKY = """
from eventorg.plugin import EventCreated, Plugin, UserCreated

ASKED, TOLD = [], []

def keep(facts, context, tx):
    ASKED.append([fact.type for fact in facts])
    return KEEP(facts, tx)

def KEEP(facts, tx):
    return [fact for fact in facts if isinstance(fact, EventCreated)]

async def hear(fact, context):
    TOLD.append(fact.type)

plugin = Plugin(name="picky", on={EventCreated: hear, UserCreated: hear}, filter=keep)
"""


def tell_a_picky_plugin(tmp_path: Path, keep: Callable[..., Any] | None = None) -> Any:
    """Returns a plugin with a filter after it has processed two users and two events, one of them changed."""
    with running(settings_of(tmp_path, {"picky.py": PICKY})) as server:
        picky: Any = sys.modules["eventorg_plugins.picky"]
        if keep is not None:
            picky.KEEP = keep
        anna, boris = server.sign_up(), server.sign_up()
        anna.patch(f"/events/{anna.create_event()['id']}", json={"title": "Tea"})
        boris.create_event()
        with closing(connect_reader(server.settings.database_path)) as connection:

            def place() -> int:
                return int(connection.execute("SELECT seq FROM plugins WHERE name = 'picky'").fetchone()[0])

            server.wait_for(lambda: place() == 5)
    return picky


def test_a_plugin_is_told_of_the_facts_that_pass_its_filter(tmp_path: Path) -> None:
    picky = tell_a_picky_plugin(tmp_path)
    assert [*chain(*picky.ASKED)] == ["user.created", "user.created", "event.created", "event.created"]
    assert picky.TOLD == ["event.created", "event.created"]


def ask_for_what_is_not_there(facts: object, tx: Any) -> None:
    tx.all(None)


def write(facts: object, tx: Any) -> None:
    tx.run(Statement("forbidden", "DELETE FROM changes", (), "here:1"))


@pytest.mark.parametrize("keep", [lambda *_: [None], ask_for_what_is_not_there, write, sys.exit])
def test_a_filter_that_fails_leaves_nothing_out(tmp_path: Path, keep: Callable[..., Any]) -> None:
    picky = tell_a_picky_plugin(tmp_path, keep)
    assert picky.TOLD == ["user.created", "user.created", "event.created", "event.created"]
