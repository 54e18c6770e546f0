"""The plugin interface: each field of `Plugin` does what it promises."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventorg import plugin as interface
from eventorg.plugin import Plugin
from eventorg.testing import Server, check_problem, running
from tests.extensions.plugin_files import settings_of
from tests.programs import CHECKOUT, serving

ALL_CHANGES = """
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import click
from litestar import get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath
from litestar.plugins import InitPlugin
from msgspec import Struct

from eventorg.plugin import *
from eventorg.plugin import Job

HERE = Path(__file__).parent
POURED = FactType(name="poured", audience="user")
NO_TEA = Refusal("out", {"ru": "Чая нет.", "en": "There is no tea."})


class Own(Struct):
    leaves: int = 3


class Cup(Struct):
    number: int
    leaves: int


@get("/tea/refused/{kind:str}", opt=PUBLIC)
async def refuse(kind: FromPath[str]) -> None:
    words = {"ru": "Чая нет.", "en": "There is no tea."}
    match kind:
        case "words":
            raise Conflict("no_tea", **words)
        case "field":
            raise Invalid(FieldError("leaves", "too_green", words), FieldError("cup", "too_small"))
        case _:
            raise NotFound("no_tea")


@get("/tea/sugar", sync_to_thread=False)
def sugar(sugar: NamedDependency[str]) -> dict[str, str]:
    '''From a plugin of Litestar's.'''
    return {"sugar": sugar}


@post("/tea/cups", responses=problems(401))
async def pour(request: Authenticated, plugin: NamedDependency[Context]) -> Cup:
    '''Pours a cup.'''

    def work(tx: Transaction) -> Cup:
        user = plugin.load_user(tx, request.user.user_id)
        row = tx.one(plugin.sql.pour, user_id=user.id, leaves=plugin.settings.leaves)
        return Cup(**row)

    return await plugin.write_once(request.user, Cup, work)


@asynccontextmanager
async def open_teahouse(context):
    await context.write(lambda tx: tx.one(context.sql.pour, user_id=None, leaves=1))
    yield


async def refill(context):
    await context.write(lambda tx: tx.run(context.sql.refill))


async def welcome(fact, context):
    await context.write(lambda tx: tx.one(context.sql.pour, user_id=fact.user_id, leaves=0))


@click.command()
@click.pass_obj
def count(run):
    async def leaves(context):
        return await context.read(lambda tx: tx.one(context.sql.count_leaves)["leaves"])

    click.echo(run(leaves))


@click.command()
@click.pass_obj
def fail(run):
    async def refuse(context):
        raise Conflict("no_tea", en="There is no tea.")

    run(refuse)


class Sugar(InitPlugin):
    def on_app_init(self, app_config):
        app_config.dependencies["sugar"] = Provide(lambda: "two lumps", sync_to_thread=False)
        return app_config


plugin = Plugin(
    name="tea",
    api=1,
    requires=">=0.1",
    routes=[refuse, sugar, pour],
    facts=[POURED],
    on={UserCreated: welcome},
    filter=lambda facts, context, tx: facts,
    gates=[Gate(check=lambda asked, context, tx: NO_TEA if asked.event.title == "No tea" else None)],
    refusals=[NO_TEA],
    card=lambda data, language, context, tx: [f"Tea for {data.event.registered_count}"],
    export=lambda user_id, context, tx: [Cup(**cup) for cup in tx.all(context.sql.list_cups_of, user_id=user_id)],
    on_merge=lambda gone_id, stays_id, context, tx: tx.run(context.sql.merge_cups, gone=gone_id, stays=stays_id),
    refresh=lambda notice, context, tx: {"en": f"Tea for {notice.user_id}"},
    lifespan=open_teahouse,
    jobs=[Job(name="refill", every=timedelta(hours=1), run=refill)],
    settings=Own,
    statements=HERE,
    migrations=HERE / "migrations",
    commands=[count, fail],
    command_name="pot",
    bot=["changes"],
    problems={"no_tea": {"ru": "Чая нет.", "en": "There is no tea."}},
    litestar_plugins=[Sugar()],
)
"""
FILES = {
    "tea/__init__.py": ALL_CHANGES,
    "tea/migrations/0001_cups.sql": """
        CREATE TABLE tea_cups (
            number INTEGER PRIMARY KEY, user_id TEXT REFERENCES users (id) ON DELETE SET NULL, leaves INTEGER
        ) STRICT;
    """,
    "tea/cups.sql": """
-- name: pour(user_id, leaves)^
INSERT INTO tea_cups (user_id, leaves) VALUES (:user_id, :leaves) RETURNING number, leaves;

-- name: list_cups_of(user_id)
SELECT number, leaves FROM tea_cups WHERE user_id = :user_id ORDER BY number;

-- name: merge_cups(gone, stays)!
UPDATE tea_cups SET user_id = :stays WHERE user_id = :gone;

-- name: refill()!
UPDATE tea_cups SET leaves = leaves + 10;

-- name: count_leaves()^
SELECT coalesce(sum(leaves), 0) AS leaves FROM tea_cups;
""",
}


@pytest.fixture(scope="module")
def teahouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(settings_of(tmp_path_factory.mktemp("tea"), FILES, others={"tea_leaves": "5"})) as server:
        yield server


def test_every_field_is_in_use_here() -> None:
    calls = [node for node in ast.walk(ast.parse(ALL_CHANGES)) if isinstance(node, ast.Call)]
    (call,) = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Plugin"]
    used = [keyword.arg for keyword in call.keywords]
    assert [*used, "choose"] == list(Plugin.__struct_fields__)  # `choose` is the old name of `filter`


def test_the_interface_has_all_that_it_lists() -> None:
    assert [name for name in interface.__all__ if not hasattr(interface, name)] == []


def test_a_route_writes_once_with_the_plugins_settings_and_statements(teahouse: Server) -> None:
    user = teahouse.sign_up()
    first, again = (user.post("/tea/cups", headers={"Idempotency-Key": "one"}) for _ in range(2))
    assert (first.status_code, first.json()["leaves"]) == (201, 5)
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
    assert user.post("/tea/cups").json()["number"] > first.json()["number"]
    check_problem(teahouse.client.post("/tea/cups"), 401)


def test_what_it_keeps_of_a_user_is_in_the_export(teahouse: Server) -> None:
    user = teahouse.sign_up()
    poured = user.post("/tea/cups").json()
    export = user.get("/users/me/export").json()
    assert poured in export["plugins"]["tea"]
    assert export["incomplete"] == []
    assert poured not in teahouse.sign_up().get("/users/me/export").json()["plugins"]["tea"]


def test_a_plugin_of_litestars_is_added(teahouse: Server) -> None:
    assert teahouse.sign_up().get("/tea/sugar").json() == {"sugar": "two lumps"}


def test_a_lifespan_writes(teahouse: Server) -> None:
    assert teahouse.sign_up().post("/tea/cups").json()["number"] > 1


def test_a_gate_refuses(teahouse: Server) -> None:
    user = teahouse.sign_up()
    check_problem(user.post(f"/events/{user.create_event(title='No tea')['id']}/register"), 409, "tea_out")
    assert user.post(f"/events/{user.create_event(title='Tea')['id']}/register").status_code == 201


def test_the_card_has_its_line(teahouse: Server) -> None:
    user = teahouse.sign_up()
    card = user.get(f"/events/{user.create_event()['id']}/card").json()
    assert card["text"].endswith("\n\nTea for 0")


def test_a_command_reads_and_a_job_writes(teahouse: Server) -> None:
    before = int(teahouse.run("pot", "count"))
    teahouse.sign_up()
    teahouse.clock.advance(hours=1)
    teahouse.wait_for(lambda: int(teahouse.run("pot", "count")) >= before + 10)


def test_what_a_command_is_refused_is_one_sentence(teahouse: Server) -> None:
    with pytest.raises(Exception, match=r"^There is no tea\.$"):
        teahouse.run("pot", "fail")


def test_an_account_with_rows_of_a_plugin_can_be_deleted(teahouse: Server) -> None:
    user = teahouse.sign_up()
    assert user.post("/tea/cups").status_code == 201
    teahouse.wait_for(lambda: len(user.get("/users/me/export").json()["plugins"]["tea"]) == 2)  # and that of welcome
    assert user.delete("/users/me").status_code == 200


@pytest.mark.parametrize(
    ("language", "title", "words"),
    [("ru", "Сейчас невозможно", "Чая нет."), ("en", "Not possible now", "There is no tea.")],
)
def test_a_code_of_a_plugin_has_its_words(teahouse: Server, language: str, title: str, words: str) -> None:
    headers = {"Accept-Language": language}
    problem = check_problem(teahouse.client.get("/tea/refused/words", headers=headers), 409, "no_tea")
    assert problem["detail"] == words
    problem = check_problem(teahouse.client.get("/tea/refused/field", headers=headers), 422, "validation_failed")
    assert [fault["code"] for fault in problem["errors"]] == ["too_green", "too_small"]
    assert problem["errors"][0]["message"] == words
    assert problem["errors"][1]["message"] not in ("", words)


def test_a_code_without_words_has_those_of_its_kind(teahouse: Server) -> None:
    problem = check_problem(teahouse.client.get("/tea/refused/other"), 404, "no_tea")
    unknown = check_problem(teahouse.client.get("/nowhere"), 404, "not_found")
    assert (problem["title"], problem["detail"]) == (unknown["title"], unknown["detail"])


def test_its_routes_are_described_under_its_name(teahouse: Server) -> None:
    paths = teahouse.client.get("/openapi.json").json()["paths"]
    assert {operation["tags"][0] for path, item in paths.items() for operation in item.values() if "/tea" in path} == {
        "tea"
    }


def test_what_it_adds_is_shown(teahouse: Server) -> None:
    assert teahouse.run("plugins").splitlines()[:10] == [
        "tea: ok",
        "  requires eventorg >=0.1",
        "  routes: GET /tea/refused/{kind:str}, GET /tea/sugar, POST /tea/cups",
        "  facts: UserCreated",
        "  gates: <lambda>",
        "  jobs: refill every 1 h",
        "  migrations: 0001_cups.sql",
        "  settings: EVENTORG_TEA_LEAVES",
        "  commands: eventorg pot count, eventorg pot fail",
        "  Litestar plugins: Sugar",
    ]


@pytest.mark.slow
def test_a_new_plugin_passes_its_tests_and_is_served(teahouse: Server, tmp_path: Path) -> None:
    folder = teahouse.run("plugins", "new", "coffee_corner", "--into", str(tmp_path)).strip()
    assert folder == str(tmp_path / "coffee_corner")
    assert not any("example" in file.name for file in Path(folder).rglob("*"))
    pytest_there = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", folder]
    variables = os.environ | {"PYTHONPATH": str(CHECKOUT)}
    tested = subprocess.run(pytest_there, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout
    with serving(
        tmp_path / "eventorg.db", plugins="coffee_corner", plugins_dir=str(tmp_path), coffee_corner_most=1
    ) as server:
        user = server.sign_up()
        url = f"/events/{user.create_event()['id']}/coffee_corner"
        assert user.post(url, json={"text": "Milk"}).status_code == 201
        check_problem(user.post(url, json={"text": "Sugar"}), 409, "notes_full")


@pytest.mark.parametrize(("name", "words"), [("coffee-corner", "cannot be named"), ("check", "is reserved")])
def test_a_new_plugin_needs_a_valid_name(teahouse: Server, tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(Exception, match=words):
        teahouse.run("plugins", "new", name, "--into", str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_new_plugin_overwrites_nothing(teahouse: Server, tmp_path: Path) -> None:
    (tmp_path / "coffee").mkdir()
    with pytest.raises(Exception, match="already exists"):
        teahouse.run("plugins", "new", "coffee", "--into", str(tmp_path))
