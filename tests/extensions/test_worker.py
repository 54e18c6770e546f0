"""Delivery of facts and jobs: at least once, in order, and without delaying the server or other plugins."""

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from structlog.testing import CapturingLogger

from eventorg.cli import main
from eventorg.domain.facts import FACTS, Fact
from eventorg.extensions import worker
from eventorg.repositories.plugins import MAX_ATTEMPTS, PluginPosition
from eventorg.storage.sqlite import connect_reader
from eventorg.testing import Server, check_problem, running
from tests.extensions.plugin_files import DIARY_FILES, settings_of

FAULTY = """
import threading
from datetime import timedelta
from eventorg.plugin import EventCreated, Job, Plugin, UserCreated

STARTED = threading.Event()

async def hear(fact, context):
    await ACT(fact, context)

async def work(context):
    await WORK(context)

plugin = Plugin(
    name="faulty",
    on={UserCreated: hear, EventCreated: hear},
    jobs=[Job(name="work", every=timedelta(hours=1), run=work)],
)

async def ACT(fact, context): ...
async def WORK(context): STARTED.set()
"""
FILES = DIARY_FILES | {"faulty.py": FAULTY}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock and what another process asks for are looked at often."""
    monkeypatch.setattr(worker, "TICK_SECONDS", 0.005)
    monkeypatch.setattr(worker, "POLL_SECONDS", 0.02)


class Scene:
    """A server with two plugins: one keeps a diary, the other does what the test says."""

    def __init__(self, server: Server, faulty: ModuleType) -> None:
        self.server = server
        self.faulty: Any = faulty

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        connection = connect_reader(self.server.settings.database_path)
        try:
            return [tuple(row) for row in connection.execute(query)]
        finally:
            connection.close()

    def diary(self) -> list[tuple[Any, ...]]:
        return self.rows("SELECT seq, type, event_id, user_id FROM diary_entries ORDER BY number")

    def changes(self) -> list[tuple[Any, ...]]:
        return self.rows("SELECT seq, type, event_id, user_id FROM changes ORDER BY seq")

    def place(self) -> dict[str, Any]:
        """The row of the faulty plugin."""
        names = ("seq", "running", "attempts", "due_at", "error")
        (row,) = self.rows(f"SELECT {', '.join(names)} FROM plugins WHERE name = 'faulty'")
        return dict(zip(names, row, strict=True))

    def health(self) -> str:
        return str(self.server.client.get("/health").json()["plugins"]["faulty"])

    def wait_for_the_diary(self) -> None:
        self.server.wait_for(lambda: [entry[:2] for entry in self.diary()] == [row[:2] for row in self.changes()])


@contextmanager
def scene(tmp_path: Path, act: Callable[..., Any] | None = None) -> Iterator[Scene]:
    with running(settings_of(tmp_path, FILES)) as server:
        there = Scene(server, sys.modules["eventorg_plugins.faulty"])
        assert there.faulty.STARTED.wait(10)  # the job has run for the first time
        if act:
            there.faulty.ACT = act
        yield there


def test_every_fact_is_delivered_once_and_in_order(tmp_path: Path) -> None:
    with scene(tmp_path) as there:
        anna, boris, vera = (there.server.sign_up() for _ in range(3))
        event = f"/events/{anna.create_event(capacity=1)['id']}"
        boris.post(f"{event}/register")
        vera.post(f"{event}/register")
        boris.delete(f"{event}/register")
        assert anna.patch(f"{event}/participants/{vera.id}", json={"status": "attended"}).status_code == 200
        assert anna.patch(f"{event}/participants/{vera.id}", json={"status": "registered"}).status_code == 200
        anna.patch(event, json={"title": "Tea"})
        anna.post(f"{event}/cancel")
        anna.delete(event)
        vera.patch("/users/me", json={"first_name": "Vera"})
        vera.delete("/users/me")
        there.wait_for_the_diary()
        assert {entry[1] for entry in there.diary()} == set(FACTS) - {"rsvp.updated"}
        assert there.diary() == there.changes()


def test_facts_in_quick_succession_are_delivered_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "BATCH_SECONDS", 0.5)
    batches: list[int] = []
    tell_in_order = worker.PluginWorker._deliver_in_order

    async def tell(plugin_worker: worker.PluginWorker, place: PluginPosition, changes: list[Fact]) -> None:
        if plugin_worker.name == "diary":
            batches.append(len(changes))
        await tell_in_order(plugin_worker, place, changes)

    monkeypatch.setattr(worker.PluginWorker, "_deliver_in_order", tell)
    with scene(tmp_path) as there:
        anna = there.server.sign_up()
        there.wait_for_the_diary()
        for _ in range(5):
            anna.create_event()
        there.wait_for_the_diary()
    assert batches == [1, 5]


def fail(error: BaseException) -> Callable[..., Any]:
    async def act(*_: object) -> None:
        raise error

    return act


async def exit_in_a_task(*_: object) -> None:
    await asyncio.create_task(fail(SystemExit(3))())


async def hang(*_: object) -> None:
    await asyncio.sleep(60)


FAULTS = {
    "raises": (fail(RuntimeError("one\ntwo")), "RuntimeError: one two"),
    "exits": (fail(SystemExit(3)), "SystemExit: 3"),
    "exits in a task of its own": (exit_in_a_task, "SystemExit: 3"),
    "is interrupted": (fail(KeyboardInterrupt()), "KeyboardInterrupt:"),
    "is cancelled": (fail(asyncio.CancelledError()), "CancelledError:"),
    "hangs": (hang, "took longer than 0 s"),
    "is no handler": (None, "TypeError: object NoneType can't be used in 'await' expression"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failing_fact_is_retried_then_a_dead_letter_and_nothing_else_is_affected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    act, error = FAULTS[fault]
    monkeypatch.setattr(worker, "log", log := CapturingLogger())
    if fault == "hangs":  # not otherwise: it is the limit of the diary too, whose retry would wait for the clock
        monkeypatch.setattr(worker, "HANDLER_SECONDS", 0.3)
    with scene(tmp_path, act or (lambda *_: None)) as there:
        clock, first = there.server.clock, there.server.sign_up()
        pauses = []
        for attempt in range(1, MAX_ATTEMPTS):
            there.server.wait_for(lambda number=attempt: there.place()["attempts"] == number)  # type: ignore[misc]
            assert (there.place()["error"], there.health()) == (error, "retrying")
            due = clock().fromisoformat(there.place()["due_at"])
            pauses.append((due - clock()).total_seconds())
            clock.now = due
        assert pauses == [2.0**number for number in range(MAX_ATTEMPTS - 1)]
        there.server.wait_for(lambda: there.health() == "failing")
        assert there.rows("SELECT name, type, user_id, error FROM plugin_failures") == [
            ("faulty", "user.created", first.id, error)
        ]
        logged = [call for call in log.calls if call.kwargs["plugin"] == "faulty" and call.method_name != "debug"]
        assert [call.args for call in logged] == [("handler_failed",)] * (MAX_ATTEMPTS - 1) + [("change_failed",)]
        heard: list[str] = []

        async def hear(fact: Any, _: object) -> None:
            heard.append(fact.user_id)

        there.faulty.ACT = hear
        second = there.server.sign_up()
        there.server.wait_for(lambda: heard == [second.id])
        there.wait_for_the_diary()
        shown = there.server.run("plugins")
        assert "faulty: failing\n" in shown
        assert "backlog: 0, failed changes: 1" in shown
        assert there.server.run("plugins", "retry", "faulty") == "1 change queued for retry\n"
        there.server.wait_for(lambda: there.health() == "ok")
        assert heard == [second.id, first.id]


def test_a_failed_fact_is_retried_in_order(tmp_path: Path) -> None:
    heard: list[int] = []

    async def hear(fact: Any, _: object) -> None:
        heard.append(fact.seq)
        if len(heard) == 2:
            raise RuntimeError("the second")

    with scene(tmp_path, hear) as there:
        for _ in range(4):
            there.server.sign_up()
        there.server.wait_for(lambda: len(heard) == 2)
        there.server.clock.advance(seconds=1)
        there.server.wait_for(lambda: len(heard) == 5)
        there.server.wait_for(lambda: there.health() == "ok")
        first, second, again, *others = heard
        assert again == second
        assert [first, second, *others] == [seq for seq, *_ in there.changes()]


def test_a_clock_set_back_does_not_lengthen_the_pause(tmp_path: Path) -> None:
    with scene(tmp_path, fail(RuntimeError())) as there:
        there.server.sign_up()
        there.server.wait_for(lambda: there.health() == "retrying")
        there.server.clock.advance(days=-1)
        there.server.wait_for(lambda: there.place()["attempts"] == 2)


def test_retry_does_not_wait_for_the_pause(tmp_path: Path) -> None:
    with scene(tmp_path, fail(RuntimeError())) as there:
        there.server.sign_up()
        there.server.wait_for(lambda: there.health() == "retrying")
        there.faulty.ACT = fail(RuntimeError("again"))
        assert there.server.run("plugins", "retry", "faulty") == "0 changes queued for retry\n"
        there.server.wait_for(lambda: there.place()["attempts"] == 2)
        assert "last error (attempt 2): RuntimeError: again" in there.server.run("plugins")


def test_retry_of_a_plugin_that_is_not_there_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EVENTORG_DATABASE", str(tmp_path / "eventorg.db"))
    with pytest.raises(SystemExit, check=lambda end: end.code == 0):
        main(["migrate"])
    with pytest.raises(SystemExit, check=lambda end: end.code == 1):
        main(["plugins", "retry", "coffee"])
    assert (
        capsys.readouterr().err
        == "eventorg: This plugin has never processed a change. To see all plugins, run `eventorg plugins`.\n"
    )


def test_a_stop_in_the_middle_is_no_failure(tmp_path: Path) -> None:
    begun = threading.Event()

    async def begin(*_: object) -> None:
        begun.set()
        await asyncio.sleep(60)

    with scene(tmp_path, begin) as there:
        there.server.sign_up()
        assert begun.wait(10)
        assert there.place()["running"] == 1
    assert there.place() == {"seq": 0, "running": None, "attempts": 0, "due_at": None, "error": None}
    heard: list[str] = []

    async def hear(fact: Any, _: object) -> None:
        heard.append(fact.type)

    there.faulty.ACT = hear
    with running(there.server.settings) as server:
        server.wait_for(lambda: heard == ["user.created"])


def test_a_new_plugin_gets_facts_from_its_first_start_on(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, DIARY_FILES)
    with running(settings_of(tmp_path, DIARY_FILES, plugins="none")) as server:
        server.sign_up()
    with running(settings) as server:
        user = server.sign_up()
        server.wait_for(lambda: server.run("diary", "show") == f"2 user.created None {user.id}\n")


def test_jobs_run_on_the_clock_and_never_twice_at_once(tmp_path: Path) -> None:
    with scene(tmp_path) as there:
        begun: list[bool] = []
        go_on, ended = threading.Event(), threading.Event()

        async def work(_: object) -> None:
            begun.append(ended.is_set() or not begun)
            await asyncio.to_thread(go_on.wait, 10)
            ended.set()

        there.faulty.WORK = work
        there.server.clock.advance(minutes=59)
        there.server.sign_up()
        there.wait_for_the_diary()
        assert begun == []
        there.server.clock.advance(minutes=1)
        there.server.wait_for(lambda: len(begun) == 1)
        there.server.clock.advance(hours=5)
        there.server.sign_up()
        there.wait_for_the_diary()
        assert len(begun) == 1
        go_on.set()
        there.server.wait_for(lambda: len(begun) == 2)
        assert begun == [True, True]


@pytest.mark.parametrize("error", [SystemExit(1), asyncio.CancelledError("by itself")])
def test_a_job_that_fails_is_logged_and_runs_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], error: BaseException
) -> None:
    with scene(tmp_path) as there:
        there.faulty.WORK = fail(error)
        there.server.clock.advance(hours=1)
        log = there.server.wait_for(lambda: capsys.readouterr().err)
        assert "job_failed" in log
        assert f"{type(error).__name__}: {error}" in log
        ran = threading.Event()

        async def work(_: object) -> None:
            ran.set()

        there.faulty.WORK = work
        there.server.clock.advance(hours=1)
        assert ran.wait(10)


def test_the_core_answers_the_same_with_a_plugin_that_fails(tmp_path: Path) -> None:
    with scene(tmp_path, fail(SystemExit())) as there:
        user = there.server.sign_up()
        there.server.wait_for(lambda: there.health() == "retrying")
        event = user.create_event()
        assert user.get(f"/events/{event['id']}").json()["title"] == event["title"]
        check_problem(there.server.client.get("/users/me"), 401)
        assert there.server.client.get("/health").json()["status"] == "ok"
