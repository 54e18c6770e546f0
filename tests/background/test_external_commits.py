"""Commits of other processes reach the listeners here, soon and without a gap."""

import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from eventorg.background import external_commits as external_commits
from eventorg.background.external_commits import ExternalCommits
from eventorg.core import Core
from eventorg.domain.callers import Caller
from eventorg.domain.errors import Unavailable
from eventorg.domain.users import NewUser, User
from eventorg.extensions import worker
from eventorg.settings import Settings
from eventorg.testing import PASSWORD, Bot, Clock, cheap_passwords, running
from tests.extensions.plugin_files import DIARY_FILES, write
from tests.programs import run, serving

NEVER = 1_000_000.0


async def create(core: Core, name: str) -> User:
    new = NewUser(username=name, email=f"{name}@example.com", password=PASSWORD)
    return await core.users.create(new, None)


class TwoProcesses:
    """One file opened twice, as by the server and a command, and the changes that the first one is notified of."""

    def __init__(self, path: Path) -> None:
        settings = Settings(database=str(path), plugins="none")
        self.server, self.command = (Core(settings, Clock(), cheap_passwords()) for _ in range(2))
        self.watch = ExternalCommits(self.server.database, self.server.changes)
        self.told: list[int] = []
        self.server.database.listeners.append(lambda news: self.told.extend(change.seq for change in news))


@pytest.fixture
async def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TwoProcesses]:
    monkeypatch.setattr(external_commits, "PAUSE_SECONDS", NEVER)  # it looks when the test says so
    both = TwoProcesses(tmp_path / "eventorg.db")
    both.server.prepare()
    async with both.server.database.opened(), both.command.database.opened(checkpoints=False), both.watch.running():
        yield both


@pytest.mark.anyio
async def test_ones_own_commits_are_not_taken_for_anothers(both: TwoProcesses) -> None:
    await create(both.server, "anna")
    await both.server.database.scrub()
    assert not await both.watch.poll()
    assert both.told == [1]


@pytest.mark.anyio
async def test_anothers_changes_are_told_once(both: TwoProcesses) -> None:
    await create(both.command, "anna")
    assert both.told == []
    assert await both.watch.poll()
    assert not await both.watch.poll()
    assert both.told == [1]


@pytest.mark.anyio
async def test_anothers_change_before_ones_own_is_not_skipped(both: TwoProcesses) -> None:
    await create(both.command, "anna")
    await create(both.server, "boris")
    assert both.told == [2]
    assert await both.watch.poll()
    assert both.told == [2, 1, 2]
    await create(both.server, "vera")
    await create(both.command, "galina")
    assert await both.watch.poll()
    assert both.told == [2, 1, 2, 3, 4]


@pytest.mark.anyio
async def test_what_is_not_logged_is_noticed_too(both: TwoProcesses) -> None:
    await both.command.bots.create("my-bot", ["act"])
    assert await both.watch.poll()
    assert both.told == []


@pytest.mark.anyio
async def test_whom_another_process_deletes_is_gone_from_the_files_once_noticed(both: TwoProcesses) -> None:
    user = await create(both.command, "anastasia")
    await both.command.users.delete(user.id, None, Caller(user_id=user.id))
    files = list(both.server.settings.database_path.parent.glob("eventorg.db*"))

    def is_left() -> bool:
        return any(b"anastasia@" in file.read_bytes() for file in files)

    assert is_left()  # the process that deleted may not empty the log beside the one that serves
    assert await both.watch.poll()
    assert not is_left()


@pytest.mark.anyio
async def test_a_file_that_somebody_has_emptied_is_unavailable(both: TwoProcesses) -> None:
    os.truncate(both.server.settings.database_path, 0)
    with pytest.raises(Unavailable, match=r"^storage_unavailable$"):
        await both.watch.poll()
    assert both.told == []


def test_a_command_wakes_who_waits_at_the_server(tmp_path: Path) -> None:
    path = tmp_path / "eventorg.db"
    with serving(path) as program, ThreadPoolExecutor() as pool:
        token = run(path, "token", "create", "my-bot", "--scope", "changes").stdout.splitlines()[-1]
        bot = Bot(program.client, "my-bot", token)
        waiting = pool.submit(bot.get, "/changes?after=0&timeout=30")
        made = run(path, "user", "create", "anna", "--email", "anna@example.com", "--generate")
        assert made.returncode == 0, made.stderr
        answer = waiting.result()
        assert [change["type"] for change in answer.json()["changes"]] == ["user.created"]
        assert answer.elapsed.total_seconds() < 15  # half of what it would have waited


def test_a_plugin_is_told_what_another_process_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "POLL_SECONDS", NEVER)
    write(tmp_path / "plugins", DIARY_FILES)
    settings = Settings(
        database=str(tmp_path / "eventorg.db"),
        plugins="diary",
        plugins_dir=str(tmp_path / "plugins"),
        log_level="error",
    )
    with running(settings) as server:
        server.run("user", "create", "anna", "--email", "anna@example.com", "--generate")
        server.wait_for(lambda: "user.created" in server.run("diary", "show"))
