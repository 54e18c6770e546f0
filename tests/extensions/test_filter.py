"""Plugins that say of many facts at once which of them mean anything to them."""

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

CHOOSY = """
from eventorg.plugin import EventCreated, Plugin, UserCreated

ASKED, TOLD = [], []

def choose(facts, context, tx):
    ASKED.append([fact.type for fact in facts])
    return CHOOSE(facts, tx)

def CHOOSE(facts, tx):
    return [fact for fact in facts if isinstance(fact, EventCreated)]

async def hear(fact, context):
    TOLD.append(fact.type)

plugin = Plugin(name="choosy", on={EventCreated: hear, UserCreated: hear}, choose=choose)
"""


def tell_a_choosy(tmp_path: Path, choose: Callable[..., Any] | None = None) -> Any:
    """A plugin that chooses, once it is done with two users, and two events of which one was changed."""
    with running(settings_of(tmp_path, {"choosy.py": CHOOSY})) as server:
        choosy: Any = sys.modules["eventorg_plugins.choosy"]
        if choose is not None:
            choosy.CHOOSE = choose
        anna, boris = server.sign_up(), server.sign_up()
        anna.patch(f"/events/{anna.create_event()['id']}", json={"title": "Tea"})
        boris.create_event()
        with closing(connect_reader(server.settings.database_path)) as connection:

            def place() -> int:
                return int(connection.execute("SELECT seq FROM plugins WHERE name = 'choosy'").fetchone()[0])

            server.wait_for(lambda: place() == 5)
    return choosy


def test_a_plugin_that_chooses_is_told_of_no_other_facts(tmp_path: Path) -> None:
    choosy = tell_a_choosy(tmp_path)
    assert [*chain(*choosy.ASKED)] == ["user.created", "user.created", "event.created", "event.created"]
    assert choosy.TOLD == ["event.created", "event.created"]


def ask_for_what_is_not_there(facts: object, tx: Any) -> None:
    tx.all(None)


def write(facts: object, tx: Any) -> None:
    tx.run(Statement("forbidden", "DELETE FROM changes", (), "here:1"))


@pytest.mark.parametrize("choose", [lambda *_: [None], ask_for_what_is_not_there, write, sys.exit])
def test_a_choice_that_fails_leaves_nothing_out(tmp_path: Path, choose: Callable[..., Any]) -> None:
    choosy = tell_a_choosy(tmp_path, choose)
    assert choosy.TOLD == ["user.created", "user.created", "event.created", "event.created"]
