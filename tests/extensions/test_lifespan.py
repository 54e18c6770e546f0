"""`Plugin.lifespan`: entered before a plugin works, left after it, restarted after a crash, abandoned on a hang."""

import asyncio
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from eventorg.errors import OperatorError
from eventorg.extensions import supervisor
from eventorg.extensions.supervisor import growing_pause
from eventorg.repositories.plugins import MAX_ATTEMPTS
from eventorg.testing import Server, running
from tests.extensions.plugin_files import settings_of
from tests.programs import run, sentence

KETTLE = """
import asyncio
import threading
import time
from contextlib import asynccontextmanager
from datetime import timedelta

import click

from eventorg.plugin import Job, Plugin, UserCreated

LOG, CRASH = [], asyncio.Event()


async def START(context): ...
async def STOP(context): ...
async def HANDLE(): ...
async def JOB(): ...


async def work():
    await CRASH.wait()
    CRASH.clear()
    raise RuntimeError("boiled dry")


@asynccontextmanager
async def boil(context):
    global LOOP
    LOOP = asyncio.get_running_loop()
    LOG.append(("enter", threading.current_thread().name))
    await START(context)
    async with asyncio.TaskGroup() as group:
        working = group.create_task(work())
        try:
            yield
        finally:
            working.cancel()
            LOG.append(("leave", threading.current_thread().name))
            await STOP(context)


async def handle(fact, context):
    LOG.append(("handle", threading.current_thread().name))
    try:
        await HANDLE()
    finally:
        LOG.append(("handled", threading.current_thread().name))


async def run_job(context):
    LOG.append(("job", threading.current_thread().name))
    await JOB()


@click.command()
@click.pass_obj
def pour(run):
    async def act(context):
        return "steeped"

    click.echo(run(act))


plugin = Plugin(
    name="kettle",
    on={UserCreated: handle},
    lifespan=boil,
    jobs=[Job(name="job", every=timedelta(hours=1), run=run_job, timeout=timedelta(seconds=0.1))],
    commands=[pour],
)
"""


class Scene:
    """A server with a plugin that has a lifespan, and what the plugin did."""

    def __init__(self, server: Server, kettle: Any) -> None:
        self.server = server
        self.kettle = kettle

    @property
    def steps(self) -> list[str]:
        return [step for step, _ in self.kettle.LOG]

    def crash(self) -> None:
        self.kettle.LOOP.call_soon_threadsafe(self.kettle.CRASH.set)

    @property
    def health(self) -> str:
        return str(self.server.client.get("/health").json()["plugins"]["kettle"])


@contextmanager
def scene(tmp_path: Path, **given: str) -> Iterator[Scene]:
    with running(settings_of(tmp_path, {"kettle.py": KETTLE}, **given)) as server:
        yield Scene(server, sys.modules["eventorg_plugins.kettle"])


def test_it_is_entered_before_the_first_job_and_handler_and_left_after_the_last_on_one_thread(tmp_path: Path) -> None:
    with scene(tmp_path) as there:
        there.server.sign_up()
        there.server.wait_for(lambda: {"job", "handled"} <= set(there.steps))
        kettle = there.kettle
    assert {thread for _, thread in kettle.LOG} == {"plugin kettle"}
    steps = [step for step, _ in kettle.LOG]
    assert (steps[0], steps[-1]) == ("enter", "leave")
    assert sorted(steps[1:-1]) == ["handle", "handled", "job"]


def test_a_handler_in_progress_ends_before_the_lifespan(tmp_path: Path) -> None:
    with scene(tmp_path) as there:
        kettle = there.kettle
        kettle.HANDLE = asyncio.Event().wait
        there.server.sign_up()
        there.server.wait_for(lambda: "handle" in there.steps)
    assert [step for step, _ in kettle.LOG][-3:] == ["handle", "handled", "leave"]


def test_it_reads_and_writes_with_the_context(tmp_path: Path) -> None:
    source = KETTLE.replace(
        "async def START(context): ...",
        "async def START(context): LOG.append((await context.read(lambda tx: tx.now), context.settings))",
    )
    with running(settings_of(tmp_path, {"kettle.py": source})):
        log = sys.modules["eventorg_plugins.kettle"].LOG
    assert log[1][0] == "2027-01-01T12:00:00Z"


def test_a_plugin_with_a_lifespan_alone_is_run(tmp_path: Path) -> None:
    head, _, _ = KETTLE.partition("plugin = Plugin(")
    source = f'{head}plugin = Plugin(name="kettle", lifespan=boil)\n'
    with running(settings_of(tmp_path, {"kettle.py": source})):
        log = sys.modules["eventorg_plugins.kettle"].LOG
        assert [step for step, _ in log] == ["enter"]
    assert [step for step, _ in log] == ["enter", "leave"]


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        ("raise RuntimeError('no\\nwater.')", "RuntimeError: no water"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise asyncio.CancelledError", "CancelledError:"),
        ("raise TimeoutError('no answer')", "TimeoutError: no answer"),
    ],
)
def test_an_error_at_the_start_is_one_sentence_and_nothing_is_served(tmp_path: Path, start: str, reason: str) -> None:
    source = KETTLE.replace("async def START(context): ...", f"async def START(context): {start}")
    settings = settings_of(tmp_path, {"kettle.py": source})
    with pytest.raises(OperatorError) as refused, running(settings):
        pytest.fail("it is served")
    assert str(refused.value) == f"The plugin kettle cannot start: {reason}."
    assert [step for step, _ in sys.modules["eventorg_plugins.kettle"].LOG] == ["enter"]


@pytest.mark.parametrize("start", ["await asyncio.Event().wait()", "time.sleep(0.5)"])
def test_a_start_that_takes_too_long_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: str
) -> None:
    monkeypatch.setattr(supervisor, "START_SECONDS", 0.02)
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 0.02)
    source = KETTLE.replace("async def START(context): ...", f"async def START(context): {start}")
    settings = settings_of(tmp_path, {"kettle.py": source})
    with (
        pytest.raises(OperatorError, match=r"^The plugin kettle cannot start: it took longer than 0 s\.$"),
        running(settings),
    ):
        pytest.fail("it is served")


def test_the_program_ends_with_the_sentence(tmp_path: Path) -> None:
    source = KETTLE.replace("async def START(context): ...", "async def START(context): 1 / 0")
    (tmp_path / "kettle.py").write_text(source)
    done = run(tmp_path / "eventorg.db", "serve", plugins="kettle", plugins_dir=str(tmp_path))
    assert sentence(done) == "The plugin kettle cannot start: ZeroDivisionError: division by zero."


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The crashes after which a restart paused. Each pause has no length, unless the test sets another one."""
    crashes: list[int] = []

    def pause(number: int) -> timedelta:
        crashes.append(number)
        return timedelta()

    monkeypatch.setattr(supervisor, "growing_pause", pause)
    return crashes


def test_a_crash_restarts_it_with_its_work_and_shows_in_health(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], pauses: list[int]
) -> None:
    with scene(tmp_path) as there:
        there.server.wait_for(lambda: "job" in there.steps)
        assert there.health == "ok"
        there.kettle.HANDLE = asyncio.Event().wait
        there.server.sign_up()
        there.server.wait_for(lambda: "handle" in there.steps)
        there.kettle.LOG.clear()
        there.crash()
        there.server.wait_for(lambda: there.steps == ["handled", "leave", "enter", "handle"])  # and no job: it ran
        assert there.health == "retrying"
        for crash in range(2, MAX_ATTEMPTS + 1):
            assert there.health == "retrying"
            there.crash()
            there.server.wait_for(lambda times=crash: there.steps.count("enter") == times)  # type: ignore[misc]
        assert there.health == "failing"
        assert pauses == [*range(1, MAX_ATTEMPTS + 1)]
        assert there.server.sign_up().get("/users/me").status_code == 200
        monkeypatch.setattr(supervisor, "STEADY_SECONDS", 0.0)
        assert there.health == "ok"
        there.crash()
        there.server.wait_for(lambda: len(pauses) > MAX_ATTEMPTS)
        assert pauses[-1] == 1
    logged = capsys.readouterr().err
    assert logged.count("plugin_lifespan_failed") == MAX_ATTEMPTS + 1
    assert "RuntimeError: boiled dry" in logged


def test_crashes_show_beside_the_server_and_in_the_metrics_until_it_recovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pauses: list[int]
) -> None:
    with scene(tmp_path, metrics="on") as there:

        def measured() -> str:
            lines = there.server.client.get("/metrics").text.splitlines()
            return next(line for line in lines if line.startswith('eventorg_plugin_crashes{plugin="kettle"}'))

        assert there.server.run("plugins").splitlines()[0] == "kettle: ok"
        assert measured().endswith(" 0.0")
        for times in (2, 3):
            there.crash()
            there.server.wait_for(lambda times=times: there.steps.count("enter") == times)  # type: ignore[misc]
        assert measured().endswith(" 2.0")
        first, *_, last = there.server.run("plugins").splitlines()
        assert first == "kettle: retrying"
        assert last == "  crashes in a row: 2, the last at 2027-01-01T12:00:00Z: RuntimeError: boiled dry"
        monkeypatch.setattr(supervisor, "STEADY_SECONDS", 0.0)
        there.crash()
        there.server.wait_for(lambda: measured().endswith(" 0.0"))
        assert there.server.run("plugins").splitlines()[0] == "kettle: ok"


def test_a_start_forgets_the_crashes_of_the_last_run(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, {"kettle.py": KETTLE}, plugins="none")
    with running(settings), closing(sqlite3.connect(settings.database_path)) as file, file:
        file.execute("INSERT INTO plugin_crashes VALUES ('kettle', 9, '2027-01-01T12:00:00Z', 'boiled dry')")
    with scene(tmp_path) as there:
        assert "crashes" not in there.server.run("plugins")


def test_a_stop_does_not_wait_for_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 10.0)
    monkeypatch.setattr(supervisor, "growing_pause", lambda _: timedelta(minutes=5))
    with scene(tmp_path, log_level="warning") as there:
        there.crash()
        there.server.wait_for(lambda: there.health == "retrying")
        kettle = there.kettle
    assert [step for step, _ in kettle.LOG].count("enter") == 1
    assert "plugin_thread_abandoned" not in capsys.readouterr().err


def test_one_that_hangs_at_the_stop_is_abandoned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 0.05)
    with scene(tmp_path, log_level="warning") as there:
        kettle = there.kettle
        kettle.STOP = lambda _: kettle.CRASH.wait()
    assert "plugin_thread_abandoned" in capsys.readouterr().err
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "plugin kettle")
    kettle.LOOP.call_soon_threadsafe(kettle.CRASH.set)
    thread.join(10)
    assert not thread.is_alive()


def test_an_error_at_the_stop_is_logged_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with scene(tmp_path) as there:
        kettle = there.kettle
        kettle.STOP = lambda _: 1 / 0
    assert [step for step, _ in kettle.LOG].count("enter") == 1
    assert "ZeroDivisionError: division by zero" in capsys.readouterr().err


def test_a_command_does_not_enter_it(tmp_path: Path) -> None:
    with scene(tmp_path) as there:
        assert there.server.run("kettle", "pour") == "steeped\n"
        assert there.steps.count("enter") == 1


def test_a_job_is_cancelled_after_its_timeout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with scene(tmp_path) as there:
        there.server.wait_for(lambda: "job" in there.steps)
        there.kettle.JOB = asyncio.Event().wait
        there.server.clock.advance(hours=1)
        log = there.server.wait_for(lambda: capsys.readouterr().err)
    assert "job_failed" in log
    assert "took longer than 0 s" in log


def test_pauses_grow_to_five_minutes() -> None:
    pauses = [growing_pause(failures).total_seconds() for failures in (1, 2, 3, 9, 10, 10_000)]
    assert pauses == [1, 2, 4, 256, 300, 300]
