"""Facts of plugins: told to those who may know them, by their full names."""

import json
from pathlib import Path
from typing import Any

import pytest

from eventorg.testing import Server, User, check_problem

from .hosting import add, paused_facts
from .receiver import Receiver

TEA = """
from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from eventorg.plugin import Authenticated, Context, FactType, Plugin


class Poured(Struct):
    cups: int


KINDS = {name: FactType(name=f"poured_{name}", data=Poured, audience=name) for name in ("event", "user", "hosts")}


@post("/tea/{event_id:str}/{audience:str}", status_code=200)
async def pour(
    request: Authenticated, event_id: FromPath[str], audience: FromPath[str], plugin: NamedDependency[Context]
) -> None:
    def work(tx):
        ids = {"event_id": event_id, "user_id": request.user.user_id}
        plugin.record(tx, KINDS[audience], Poured(cups=2), **ids, by=request.user)

    await plugin.write(work)


plugin = Plugin(name="tea", routes=[pour], facts=[*KINDS.values()])
"""


@pytest.fixture
def eventorg_settings(tmp_path: Path) -> dict[str, str]:
    """Receivers on loopback, and the plugin tea."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "tea.py").write_text(TEA, encoding="utf-8")
    return {
        "EVENTORG_WEBHOOKS_ALLOW_PRIVATE": "true",
        "EVENTORG_PLUGINS": "webhooks,tea",
        "EVENTORG_PLUGINS_DIR": str(folder),
    }


def pour(user: User, event: dict[str, Any], *audiences: str) -> None:
    for audience in audiences:
        response = user.post(f"/tea/{event['id']}/{audience}")
        assert response.status_code == 200, response.text


def types_at(receiver: Receiver, path: str) -> list[str]:
    return [json.loads(message.body)["type"] for message in receiver.at(path)]


def test_hosts_are_told_what_they_may_know_and_the_operator_everything(
    eventorg: Server, host: User, receiver: Receiver
) -> None:
    event, other = host.create_event(), host.create_event()
    eventorg.run("webhooks", "add", f"{receiver.url}/operator", "--types", "tea.*")
    for path, hooked, types in (
        ("/all", event, []),
        ("/tea", event, ["tea.*"]),
        ("/one", event, ["tea.poured_hosts"]),
        ("/events", event, ["event.*"]),
        ("/other", other, ["*"]),
    ):
        add(host, hooked, f"{receiver.url}{path}", *types)
    guest = eventorg.sign_up()
    pour(guest, event, "user", "event", "hosts")
    guest.post(f"/events/{event['id']}/register")
    eventorg.wait_for(lambda: "registration.created" in types_at(receiver, "/all"))
    eventorg.wait_for(lambda: len(types_at(receiver, "/operator")) == 3)
    eventorg.wait_for(lambda: len(types_at(receiver, "/tea")) == 2)
    eventorg.wait_for(lambda: types_at(receiver, "/one"))
    both = ["tea.poured_event", "tea.poured_hosts"]
    assert types_at(receiver, "/operator") == ["tea.poured_user", *both]
    assert types_at(receiver, "/all") == [*both, "registration.created"]
    assert types_at(receiver, "/tea") == both
    assert types_at(receiver, "/one") == ["tea.poured_hosts"]
    assert types_at(receiver, "/events") == types_at(receiver, "/other") == []
    data = json.loads(receiver.at("/one")[0].body)["data"]
    assert (data["event_id"], data["user_id"], data["data"]) == (event["id"], guest.id, {"cups": 2})
    assert data["event"]["title"] == event["title"]


def test_a_former_host_is_told_nothing_more(eventorg: Server, host: User, receiver: Receiver) -> None:
    event = host.create_event()
    helper = eventorg.sign_up()
    host.post(f"/events/{event['id']}/hosts", json={"user_id": helper.id})
    add(helper, event, f"{receiver.url}/helper", "tea.*")
    add(host, event, f"{receiver.url}/host", "tea.*")
    host.delete(f"/events/{event['id']}/hosts/{helper.id}")
    pour(host, event, "hosts")
    eventorg.wait_for(lambda: types_at(receiver, "/host"))
    assert types_at(receiver, "/helper") == []


def test_edits_are_not_joined_across_a_fact(
    eventorg: Server, host: User, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = host.create_event()
    add(host, event, f"{receiver.url}/all")
    with paused_facts(monkeypatch):
        for title in ("One", "Two"):
            host.patch(f"/events/{event['id']}", json={"title": title})
        pour(host, event, "hosts")
        host.patch(f"/events/{event['id']}", json={"title": "Three"})
    told = eventorg.wait_for(lambda: types_at(receiver, "/all")[2:] and types_at(receiver, "/all"))
    assert told == ["event.updated", "tea.poured_hosts", "event.updated"]


@pytest.mark.parametrize("kind", ["tea.spilt", "tea.poured_user", "coffee.*", "tea"])
def test_a_type_that_no_host_can_be_told_is_refused(
    eventorg: Server, host: User, receiver: Receiver, kind: str
) -> None:
    url = f"/events/{host.create_event()['id']}/webhooks"
    problem = check_problem(host.post(url, json={"url": receiver.url, "types": ["event.*", kind]}), 422)
    assert [(fault["field"], fault["code"]) for fault in problem["errors"]] == [("types", "invalid_choice")]


@pytest.mark.parametrize("kind", ["tea.spilt", "coffee.*"])
def test_the_operator_is_told_of_an_unknown_type(eventorg: Server, receiver: Receiver, kind: str) -> None:
    with pytest.raises(AssertionError, match="contains an unknown type of change"):
        eventorg.run("webhooks", "add", receiver.url, "--types", kind)
