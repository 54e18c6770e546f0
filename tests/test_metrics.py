"""GET /metrics: the exposed metrics, and no cost when they are off."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from eventorg import __version__
from eventorg.core import Core
from eventorg.domain.errors import Unavailable
from eventorg.extensions import worker as delivery
from eventorg.settings import Settings
from eventorg.storage.transactions import Transaction, TransactionFunction
from eventorg.testing import Server, check_problem, running
from tests.extensions.plugin_files import settings_of
from tests.programs import CHECKOUT

FAULTY = """
from eventorg.plugin import Plugin, UserCreated

async def hear(fact, context):
    raise RuntimeError("not today")

plugin = Plugin(name="faulty", on={UserCreated: hear})
"""
REQUESTS = "eventorg_http_request_duration_seconds_count"
Numbers = dict[tuple[str, ...], float]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with metrics and a plugin that fails for each new user."""
    with running(settings_of(tmp_path_factory.mktemp("measured"), {"faulty.py": FAULTY}, metrics="on")) as server:
        yield server


def numbers(server: Server) -> Numbers:
    """Returns the metrics as Prometheus reads them: values by name and labels."""
    response = server.client.get("/metrics")
    assert response.status_code == 200, response.text
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def core_of(server: Server) -> Core:
    assert server.app
    core: Core = server.app.state.core
    return core


def begin(
    server: Server, act: Callable[[TransactionFunction[Any]], Any], work: TransactionFunction[Any]
) -> "Future[Any]":
    """Runs a transaction on the server's database."""
    return asyncio.run_coroutine_threadsafe(act(work), core_of(server).database.loop)


def test_the_format_is_valid_and_every_metric_has_a_help_text(measured: Server) -> None:
    response = measured.client.get("/metrics")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    families = list(text_string_to_metric_families(response.text))
    assert len({family.name for family in families}) == len(families)
    assert all(family.documentation and family.type != "unknown" for family in families)
    assert all(family.name.startswith(("eventorg_", "process_")) for family in families)
    assert numbers(measured)["eventorg_build_info", __version__] == 1
    assert numbers(measured)["process_resident_memory_bytes",] > 1_000_000
    assert numbers(measured)["process_cpu_seconds_total",] > 0


def test_requests_are_counted_by_route_and_status_and_never_by_path(measured: Server) -> None:
    for number in range(20):
        measured.client.get(f"/events/unheard-of-{number}")
        measured.client.get(f"/nowhere-{number}")
        measured.client.get("/users/me")
    seen = numbers(measured)
    assert seen[REQUESTS, "GET", "/events/{event_id}", "404"] == 20
    assert seen[REQUESTS, "GET", "", "404"] == 20
    assert seen[REQUESTS, "GET", "/users/{user_id}", "401"] == 20  # rejected before the handler
    assert not [labels for labels in seen if any("unheard-of" in label or "nowhere" in label for label in labels)]


def test_each_transaction_is_counted_once_in_its_commit(measured: Server) -> None:
    works, commits, seconds = (
        (f"eventorg_database_commit_{name}",) for name in ("works_sum", "works_count", "duration_seconds_count")
    )
    write = core_of(measured).database.write
    before = numbers(measured)
    begun, go_on = threading.Event(), threading.Event()

    def hold(_: Transaction) -> None:
        begun.set()
        go_on.wait(10)

    answers = [begin(measured, write, hold)]
    assert begun.wait(10)
    answers += [begin(measured, write, lambda _: None) for _ in range(10)]
    measured.wait_for(lambda: numbers(measured)["eventorg_database_writes_waiting",] == 10)
    go_on.set()
    for answer in answers:
        answer.result(10)

    measured.wait_for(lambda: numbers(measured)[seconds] == before[seconds] + 2)
    after = numbers(measured)
    assert after["eventorg_database_writes_waiting",] == 0
    assert (after[works], after[commits]) == (before[works] + 11, before[commits] + 2)
    for most, more in (("1.0", 1), ("8.0", 1), ("16.0", 2), ("64.0", 2)):
        bucket = ("eventorg_database_commit_works_bucket", most)
        assert after[bucket] == before[bucket] + more


def test_reads_and_followers_are_counted_while_they_wait(measured: Server) -> None:
    go_on = threading.Event()
    read = begin(measured, core_of(measured).database.read, lambda _: go_on.wait(10))
    measured.wait_for(lambda: numbers(measured)["eventorg_database_reads_waiting",] == 1)
    go_on.set()
    assert read.result(10)
    assert numbers(measured)["eventorg_database_reads_waiting",] == 0

    user = measured.sign_up()
    seen = user.get("/changes").json()["next"]
    follower = threading.Thread(target=user.get, args=(f"/changes?after={seen}&timeout=20",))
    follower.start()
    measured.wait_for(lambda: numbers(measured)["eventorg_changes_followers",] == 1)
    user.create_event()
    follower.join(10)
    assert numbers(measured)["eventorg_changes_followers",] == 0


def test_the_sizes_match_the_files(measured: Server) -> None:
    measured.sign_up()
    path = measured.settings.database_path
    seen = numbers(measured)
    assert seen["eventorg_database_size_bytes",] == path.stat().st_size > 0
    assert seen["eventorg_database_wal_size_bytes",] == path.with_name(f"{path.name}-wal").stat().st_size > 0


def test_the_backlog_and_the_failed_changes_of_a_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "TICK_SECONDS", 0.005)
    monkeypatch.setattr(delivery, "MAX_ATTEMPTS", 2)

    def told(server: Server) -> tuple[float, float]:
        seen = numbers(server)
        return tuple(seen[f"eventorg_plugin_{name}_changes", "faulty"] for name in ("backlog", "set_aside"))  # type: ignore[return-value]

    with running(settings_of(tmp_path, {"faulty.py": FAULTY}, metrics="on")) as server:
        assert told(server) == (0, 0)
        server.sign_up()
        assert told(server) == (1, 0)
        server.wait_for(lambda: "retrying" in server.client.get("/health").text)
        server.clock.advance(seconds=10)
        server.wait_for(lambda: told(server) == (0, 1))


def test_the_other_metrics_work_while_the_database_is_unreadable(
    measured: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse() -> None:
        raise Unavailable("storage_unavailable")

    assert ("eventorg_plugin_backlog_changes", "faulty") in numbers(measured)
    monkeypatch.setattr(core_of(measured).plugins, "find_states", refuse)
    seen = numbers(measured)
    assert ("eventorg_plugin_backlog_changes", "faulty") not in seen
    assert ("eventorg_database_writes_waiting",) in seen


def test_the_token_is_required_and_two_servers_are_separate(measured: Server, tmp_path: Path) -> None:
    settings = Settings(
        plugins="none",
        database=str(tmp_path / "eventorg.db"),
        log_level="error",
        metrics="on",
        metrics_token="s3cret",
    )
    measured.client.get("/events")
    with running(settings) as server:
        for sent in ({}, {"Authorization": "Bearer x"}, {"Authorization": "s3cret"}):
            response = server.client.get("/metrics", headers=sent)
            check_problem(response, 401, "unauthenticated")
            assert response.headers["www-authenticate"] == "Bearer"
        response = server.client.get("/metrics", headers={"Authorization": "Bearer s3cret"})
        assert response.status_code == 200
        assert 'route="/events"' not in response.text
    assert (REQUESTS, "GET", "/events", "200") in numbers(measured)


def test_without_the_setting_there_is_no_route_and_no_import(server: Server) -> None:
    check_problem(server.client.get("/metrics"), 404)
    program = """
import sys
from eventorg.application import create_app
from eventorg.settings import Settings

for metrics in ("off", "on"):
    create_app(Settings(metrics=metrics))
    print("prometheus_client" in sys.modules)
"""
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=CHECKOUT)
    assert told.stdout.split() == ["False", "True"], told
