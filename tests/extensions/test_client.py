"""A plugin calls the server's own API as its bot, names its commands, and shows a problem in `/health`."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from eventorg.errors import PluginError
from eventorg.extensions.loader import load_plugins
from eventorg.testing import Server, running
from tests.extensions.plugin_files import settings_of

HERALD = """
import asyncio
from contextlib import asynccontextmanager

import click
from litestar import get

from eventorg.plugin import Context, OPEN, Plugin
from litestar.di import NamedDependency


@asynccontextmanager
async def lifespan(context):
    global CONTEXT, LOOP
    CONTEXT, LOOP = context, asyncio.get_running_loop()
    yield


@get("/herald", opt=OPEN, security=[{}])
async def relay(plugin: NamedDependency[Context]) -> dict[str, str]:
    async with plugin.client() as client:
        return (await client.get("/users/me", headers={"X-Act-As": "telegram:7"})).json()


@click.command()
@click.pass_obj
def call(run):
    async def act(context):
        try:
            context.client()
        except LookupError as error:
            return str(error)

    click.echo(run(act))


plugin = Plugin(name="herald", bot=SCOPES, command_name="trumpet", lifespan=lifespan, routes=[relay], commands=[call])
"""


class Herald:
    """A server with a plugin that has a bot."""

    def __init__(self, server: Server, module: Any) -> None:
        self.server = server
        self.module = module

    def send(self, method: str, path: str, **arguments: Any) -> Any:
        """Sends a request from the plugin's loop. Returns the response."""

        async def send() -> Any:
            async with self.module.CONTEXT.client() as client:
                return await client.request(method, path, **arguments)

        return asyncio.run_coroutine_threadsafe(send(), self.module.LOOP).result(10)


@contextmanager
def heralding(tmp_path: Path, scopes: str = '["act", "changes"]', **given: str) -> Iterator[Herald]:
    with running(settings_of(tmp_path, {"herald.py": HERALD.replace("SCOPES", scopes)}, **given)) as server:
        yield Herald(server, sys.modules["eventorg_plugins.herald"])


def test_a_plugin_calls_the_api_as_a_bot_of_its_name(tmp_path: Path) -> None:
    with heralding(tmp_path) as herald:
        assert "herald" not in herald.server.run("token", "list"), "nobody has asked for a client"
        made = herald.send("PUT", "/identities/telegram/7", json={"first_name": "Anna"})
        assert made.status_code == 201
        me = herald.send("GET", "/users/me", headers={"X-Act-As": "telegram:7"})
        assert me.json()["first_name"] == "Anna"
        assert "act changes" in herald.server.run("token", "list")
        refused = herald.send("POST", "/deliveries/lease", json={})
        assert refused.json()["code"] == "scope_missing"


def test_all_clients_have_the_same_token(tmp_path: Path) -> None:
    with heralding(tmp_path) as herald:
        herald.send("PUT", "/identities/telegram/7", json={})

        async def both() -> list[int]:
            async with herald.module.CONTEXT.client() as one, herald.module.CONTEXT.client() as other:
                pages = await asyncio.gather(one.get("/changes"), other.get("/changes"), one.get("/changes"))
                return [page.status_code for page in pages]

        assert asyncio.run_coroutine_threadsafe(both(), herald.module.LOOP).result(10) == [200, 200, 200]


def test_a_route_calls_the_api_on_the_loop_of_the_server(tmp_path: Path) -> None:
    with heralding(tmp_path) as herald:
        herald.send("PUT", "/identities/telegram/7", json={"first_name": "Anna"})
        user = herald.server.sign_up()
        assert user.get("/herald").json()["first_name"] == "Anna"


def test_a_cancelled_call_ends_the_request(tmp_path: Path) -> None:
    with heralding(tmp_path) as herald:

        async def cancel() -> None:
            async with herald.module.CONTEXT.client() as client:
                newest = (await client.get("/changes", params={"after": "latest"})).json()["next"]
                async with asyncio.timeout(0.2):
                    await client.get("/changes", params={"after": newest, "timeout": 30})

        with pytest.raises(TimeoutError):
            asyncio.run_coroutine_threadsafe(cancel(), herald.module.LOOP).result(10)
        assert herald.send("GET", "/changes").status_code == 200


def test_a_bot_of_the_operator_with_that_name_ends(tmp_path: Path) -> None:
    with heralding(tmp_path) as herald:
        token = herald.server.run("token", "create", "herald", "--scope", "deliver").strip()
        assert herald.send("GET", "/changes").status_code == 200
        assert herald.server.client.get("/changes", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_a_plugin_without_a_bot_has_no_client(tmp_path: Path) -> None:
    with heralding(tmp_path, "()") as herald, pytest.raises(LookupError, match=r"Plugin\.bot of the plugin herald"):
        herald.module.CONTEXT.client()


def test_commands_have_a_name_of_their_own_and_no_client(tmp_path: Path) -> None:
    with heralding(tmp_path) as herald:
        assert herald.server.run("trumpet", "call") == "no server runs in this process\n"
        assert "eventorg trumpet call" in herald.server.run("plugins")


@pytest.mark.parametrize(
    ("field", "message"),
    [('bot=["fly"]', "The possible scopes are"), ('command_name="serve"', "cannot have the commands `eventorg serve")],
)
def test_a_wrong_declaration_is_refused(tmp_path: Path, field: str, message: str) -> None:
    source = f"from eventorg.plugin import Plugin\nplugin = Plugin(name='herald', {field})\n"
    with pytest.raises(PluginError, match=message):
        load_plugins(settings_of(tmp_path, {"herald.py": source}))


def test_two_plugins_cannot_have_the_same_commands(tmp_path: Path) -> None:
    source = """
import click
from eventorg.plugin import Plugin
plugin = Plugin(name='NAME', command_name='trumpet', commands=[click.Command('x')])
"""
    files = {f"{name}.py": source.replace("NAME", name) for name in ("herald", "second")}
    with pytest.raises(PluginError, match="herald and second both have the commands eventorg trumpet"):
        load_plugins(settings_of(tmp_path, files))


def test_health_shows_the_problem_of_a_plugin_until_it_ends(tmp_path: Path) -> None:
    with heralding(tmp_path) as herald:
        herald.module.CONTEXT.show_problem("The horn is broken.")
        health = herald.server.client.get("/health")
        assert (health.status_code, health.json()["plugins"]["herald"]) == (200, "The horn is broken.")
        herald.module.CONTEXT.show_problem(None)
        assert herald.server.client.get("/health").json()["plugins"]["herald"] == "ok"


def test_a_plugin_finds_the_bots_that_have_a_scope(tmp_path: Path) -> None:
    with heralding(tmp_path) as herald:
        named, other = herald.server.make_bot("act", "deliver"), herald.server.make_bot("act")
        revoked = herald.server.make_bot("deliver")
        herald.server.revoke(revoked)
        finding = asyncio.run_coroutine_threadsafe(herald.module.CONTEXT.find_bots("deliver"), herald.module.LOOP)
        found = finding.result()
    assert named.name in found
    assert not {other.name, revoked.name} & set(found)


def test_routes_can_depend_on_the_settings(tmp_path: Path) -> None:
    source = """
from litestar import get
from msgspec import Struct
from eventorg.plugin import OPEN, Plugin

class Own(Struct):
    path: str = "/door"

def routes(settings):
    @get(settings.path, opt=OPEN, security=[{}], sync_to_thread=False)
    def knock() -> dict[str, str]:
        return {"path": settings.path}
    return [knock]

plugin = Plugin(name="porter", settings=Own, routes=routes)
"""
    settings = settings_of(tmp_path, {"porter.py": source}, others={"porter_path": "/gate"})
    with running(settings) as server:
        assert server.client.get("/gate").json() == {"path": "/gate"}
        assert server.client.get("/door").status_code == 404
        assert "routes: GET /gate" in server.run("plugins")
