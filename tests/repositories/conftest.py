"""Fixtures for tasks that are carried out in steps."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from eventorg.repositories.open_tasks import OpenTaskRepository
from eventorg.settings import Settings
from eventorg.testing import Server, running
from tests.repositories.tasks import PARTIES


@pytest.fixture
def short_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ends each step of a task after a few parties."""
    monkeypatch.setattr("eventorg.repositories.steps.SECONDS", 0.0)
    monkeypatch.setattr("eventorg.repositories.steps.MIN_PARTIES", PARTIES)
    monkeypatch.setattr("eventorg.repositories.event_deletion._ROWS", PARTIES)


@pytest.fixture
def settings(tmp_path: Path, short_steps: None) -> Settings:
    """The settings of a server whose steps are short."""
    return Settings(plugins="none", database=str(tmp_path / "eventorg.db"), log_level="error")


@pytest.fixture
def idle(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that takes the first step of each task and no other."""

    async def do_nothing(_: OpenTaskRepository) -> bool:
        return True

    monkeypatch.setattr(OpenTaskRepository, "finish", do_nothing)
    with running(settings) as server:
        yield server
