"""The key and the caller of a request reach a plugin, whose `write_once` and `write` have no argument for them."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eventorg.domain.callers import Caller
from eventorg.domain.idempotency import Once, owner_of
from eventorg.extensions.context import PluginContext, _once
from eventorg.plugin import Context
from eventorg.repositories.idempotency import request_caller, request_once
from eventorg.settings import Settings
from eventorg.storage.transactions import Transaction
from eventorg.testing import Server, check_problem, running
from tests.programs import CHECKOUT

ANNA = Caller(user_id="anna", bot="bot")


def test_what_has_every_member_is_a_context_and_nothing_else_is(tmp_path: Path) -> None:
    (tmp_path / "tea.py").write_text('from eventorg.plugin import Plugin\n\nplugin = Plugin(name="tea")\n')
    settings = Settings(
        plugins="tea", plugins_dir=str(tmp_path), database=str(tmp_path / "eventorg.db"), log_level="error"
    )
    with running(settings) as server:
        core = server._core
        for _ in range(2):  # the second one is of a known class
            assert isinstance(core.context(core.loaded[0]), Context)
            assert not isinstance(core, Context)


@pytest.fixture
def once() -> Iterator[Once]:
    """The key of a request of Anna's bot, in progress."""
    once = Once(owner=owner_of(ANNA), key="key", fingerprint="hmac:")
    token = request_once.set(once)
    yield once
    request_once.reset(token)


def test_a_key_is_found_for_the_caller_of_the_request(once: Once) -> None:
    assert _once(ANNA) is once


@pytest.mark.parametrize("other", [Caller(user_id="anna"), Caller(user_id="boris", bot="bot"), Caller(bot="bot")])
def test_a_key_does_not_cover_a_write_as_somebody_else(once: Once, other: Caller) -> None:
    assert _once(other) is None


def test_outside_a_request_there_is_no_key() -> None:
    assert _once(ANNA) is None


@pytest.fixture
def with_reminders(tmp_path: Path) -> Iterator[Server]:
    settings = Settings(database=str(tmp_path / "eventorg.db"), plugins="reminders", log_level="error")
    with running(settings) as server:
        yield server


@pytest.mark.skipif(not (CHECKOUT / "plugins" / "reminders").is_dir(), reason="the plugin was removed")
@pytest.mark.parametrize("by_bot", [False, True])
def test_a_user_who_is_deleted_before_a_plugin_writes_is_unknown(
    with_reminders: Server, monkeypatch: pytest.MonkeyPatch, by_bot: bool
) -> None:
    user = with_reminders.sign_up()
    client = with_reminders.make_bot("act").acting_for(user.id) if by_bot else user
    write = PluginContext.write

    async def write_late(self: PluginContext, work: Any) -> Any:
        if request_caller.get() is not None:
            await with_reminders._core.users.delete(user.id, None, Caller(user_id=user.id))
        return await write(self, work)

    monkeypatch.setattr(PluginContext, "write", write_late)
    response = client.put("/users/me/reminders", json=[{"before": "PT1H"}])
    check_problem(response, *((404, "user_not_found") if by_bot else (401, "token_revoked")))


@pytest.mark.skipif(not (CHECKOUT / "plugins" / "reminders").is_dir(), reason="the plugin was removed")
def test_a_write_that_is_wrong_otherwise_stays_an_error(
    with_reminders: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = with_reminders.sign_up()
    write = PluginContext.write

    async def write_wrongly(self: PluginContext, _: Any) -> Any:
        def work(tx: Transaction) -> None:
            raise sqlite3.IntegrityError("FOREIGN KEY constraint failed")

        return await write(self, work)

    monkeypatch.setattr(PluginContext, "write", write_wrongly)
    check_problem(user.put("/users/me/reminders", json=[{"before": "PT1H"}]), 500, "internal_error")
