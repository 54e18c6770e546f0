"""Facts of a plugin's own: whom the change log tells, and the plugin's handlers."""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec import structs

from eventorg.package_data import data_folder
from eventorg.repositories.changes import ChangeRepository, read_change
from eventorg.storage.database import Database
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction
from eventorg.testing import Server, check_problem, running
from tests.extensions.plugin_files import settings_of

TEA = """
from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Struct

from eventorg.plugin import *


class Poured(Struct):
    cups: int


class Order(Input):
    audience: str
    event_id: str | None = None
    user_id: str | None = None
    wrong: str = ""


KINDS = {each: FactType(name=f"poured_{each}", data=Poured, audience=each) for each in ("event", "user", "hosts")}
OTHER = FactType(name="spilt", audience="user")
heard = []


async def hear(fact, context):
    heard.append(fact)


@post("/tea", status_code=200)
async def pour(request: Authenticated, data: JSONBody[Order], plugin: NamedDependency[Context]) -> dict:
    def work(tx: Transaction) -> dict:
        fact = OTHER if data.wrong == "fact" else KINDS[data.audience]
        poured = {"data": {"cups": 2}, "none": None}.get(data.wrong, Poured(cups=2))
        plugin.record(tx, fact, poured, event_id=data.event_id, user_id=data.user_id, by=request.user)
        return {}

    try:
        return await (plugin.read(work) if data.wrong == "reads" else plugin.write(work))
    except (ValueError, LookupError) as error:
        raise Conflict("tea_spilt", en=str(error), ru=str(error)) from None


plugin = Plugin(name="tea", routes=[pour], facts=list(KINDS.values()), on=dict.fromkeys(KINDS.values(), hear))
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tea")


@pytest.fixture(scope="module")
def teahouse(path: Path) -> Iterator[Server]:
    with running(settings_of(path, {"tea.py": TEA})) as server:
        yield server


def latest(user: Any) -> Any:
    return user.get("/changes").json()["changes"][-1]


@pytest.mark.parametrize(
    ("audience", "told"),
    [
        ("event", {"anna", "host", "vera", "subject"}),
        ("user", {"subject"}),
        ("hosts", {"anna", "host", "subject"}),
    ],
)
def test_the_audience_is_told(teahouse: Server, path: Path, audience: str, told: set[str]) -> None:
    people = {name: teahouse.sign_up() for name in ("anna", "host", "vera", "subject", "stranger")}
    event = people["anna"].create_event()
    people["anna"].post(f"/events/{event['id']}/hosts", json={"user_id": people["host"].id})
    people["vera"].post(f"/events/{event['id']}/register")
    order = {"audience": audience, "event_id": event["id"], "user_id": people["subject"].id}
    assert people["anna"].post("/tea", json=order).status_code == 200
    kind = f"tea.poured_{audience}"
    changes = {name: latest(user) if user.get("/changes").json()["changes"] else {} for name, user in people.items()}
    assert {name for name, change in changes.items() if change.get("type") == kind} == told
    seen = changes["subject"]
    assert (seen["event_id"], seen["user_id"], seen["data"]) == (event["id"], people["subject"].id, {"cups": 2})
    assert latest(teahouse.make_bot("changes")) == seen
    assert_both_ways_agree(path / "eventorg.db", [user.id for user in people.values()])


def assert_both_ways_agree(database: Path, users: list[str]) -> None:
    """Many old changes are the same as those that are found one by one."""
    sql = Statements(data_folder("sql"))
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        tx = Transaction(connection, lambda: datetime.now(UTC))
        for user_id in users:
            rows = tx.all(sql.list_new_changes_for, user_id=user_id, after=0, upto=2**40, limit=1_000)
            few = [read_change(row) for row in rows]
            assert few == ChangeRepository(cast("Database", None), sql)._find(tx, user_id, 0, 1_000).changes


def test_a_waiting_host_is_woken(teahouse: Server) -> None:
    anna, boris = teahouse.sign_up(), teahouse.sign_up()
    event = anna.create_event()
    after = anna.get("/changes?after=latest").json()["next"]
    boris.post("/tea", json={"audience": "hosts", "event_id": event["id"]})
    (change,) = anna.get(f"/changes?after={after}&timeout=5").json()["changes"]
    assert (change["type"], change["user_id"]) == ("tea.poured_hosts", None)


def test_the_plugin_is_told(teahouse: Server) -> None:
    anna = teahouse.sign_up()
    heard = sys.modules["eventorg_plugins.tea"].heard
    anna.post("/tea", json={"audience": "user", "user_id": anna.id})
    teahouse.wait_for(lambda: any(fact.user_id == anna.id for fact in heard))
    assert (heard[-1].type, heard[-1].data) == ("tea.poured_user", {"cups": 2})
    assert latest(anna)["seq"] == heard[-1].seq


def test_the_export_has_the_fact(teahouse: Server) -> None:
    anna = teahouse.sign_up()
    anna.post("/tea", json={"audience": "user", "user_id": anna.id})
    assert "tea.poured_user" in [change["type"] for change in anna.get("/users/me/export").json()["changes"]]


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({"audience": "user", "event_id": "one"}, "needs the id of a user"),
        ({"audience": "hosts", "user_id": "one"}, "needs the id of an event"),
        ({"audience": "event", "user_id": "one"}, "needs the id of an event"),
        ({"audience": "user", "user_id": "one", "wrong": "fact"}, "the fact spilt is not in Plugin.facts"),
        ({"audience": "user", "user_id": "one", "wrong": "data"}, "has another type"),
        ({"audience": "user", "user_id": "one", "wrong": "none"}, "has another type"),
        ({"audience": "user", "user_id": "one", "wrong": "reads"}, "only reads"),
    ],
)
def test_a_wrong_fact_is_refused(teahouse: Server, order: dict[str, str], words: str) -> None:
    assert words in check_problem(teahouse.sign_up().post("/tea", json=order), 409, "tea_spilt")["detail"]


EARS = """
from eventorg.plugin import *

heard = []


async def hear(fact, context):
    heard.append((fact.type, fact.audience, fact.user_id))


async def greet(fact, context):
    heard.append(("greeted", "", fact.user_id))


plugin = Plugin(name="ears", on={UserCreated: greet, Fact: hear})
"""


def test_a_plugin_can_hear_the_facts_of_all_others_with_their_audience(tmp_path: Path) -> None:
    with running(settings_of(tmp_path, {"tea.py": TEA, "ears.py": EARS})) as server:
        anna = server.sign_up()
        event = anna.create_event()
        for audience in ("event", "user", "hosts"):
            anna.post("/tea", json={"audience": audience, "event_id": event["id"], "user_id": anna.id})
        heard = sys.modules["eventorg_plugins.ears"].heard
        server.wait_for(lambda: len(heard) == 5)
        assert heard[0] == ("greeted", "", anna.id), "its own handler"
        assert heard[1] == ("event.created", "event", anna.id)
        assert heard[2:] == [(f"tea.poured_{each}", each, anna.id) for each in ("event", "user", "hosts")]


def test_a_dead_letter_has_its_audience_as_long_as_the_fact_is_kept(teahouse: Server, path: Path) -> None:
    plugins = teahouse._core.plugins
    anna = teahouse.sign_up()
    event = anna.create_event()
    teahouse._on_its_loop(plugins.register("own"))
    anna.post("/tea", json={"audience": "hosts", "event_id": event["id"]})
    (fact,) = teahouse._on_its_loop(plugins.find_next("own", None, 0)).facts
    assert (fact.audience, fact.event_id) == ("hosts", event["id"])
    teahouse._on_its_loop(plugins.dead_letter("own", fact, "a defect"))
    teahouse._on_its_loop(plugins.retry("own"))
    assert teahouse._on_its_loop(plugins.find_next("own", None, 0)).dead_letter == fact
    with closing(sqlite3.connect(path / "eventorg.db")) as connection, connection:
        connection.execute("DELETE FROM changes WHERE seq = ?", (fact.seq,))
    assert teahouse._on_its_loop(plugins.find_next("own", None, 0)).dead_letter == structs.replace(
        fact, audience="user"
    )
