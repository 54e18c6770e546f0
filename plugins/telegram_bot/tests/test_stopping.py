"""The bot ends with the server."""

import asyncio
import sys
import threading
from pathlib import Path

import pytest
from msgspec import structs

from eventorg.testing import Server, running, running_fake
from eventorg.testing.telegram import Limits

from .scene import Scene


def test_when_the_connections_are_closed_nobody_is_at_work(
    eventorg: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An edit or an update that goes on would open another connection, which nobody closes."""
    client, cards = (sys.modules[f"eventorg_plugins.telegram_bot.{name}"] for name in ("client", "cards"))
    stop, begun, at_work = client.Telegram.stop, threading.Event(), list[str]()

    async def render(*_: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    async def noted(telegram: object) -> None:
        at_work.extend(repr(task.get_coro()) for task in asyncio.all_tasks())
        await stop(telegram)

    with running_fake(limits=Limits(enforced=False)) as telegram:
        others = eventorg.settings.others | {"telegram_bot_api_url": telegram.url}
        settings = structs.replace(eventorg.settings, database=str(tmp_path / "stopped.db"), others=others)
        with running(settings) as server:
            scene = Scene(server, telegram)
            anna = scene.person("Anna", started=True)
            anna.say(None, "/new Tea Sat 19:00")
            card = scene.card(anna.chat, "Tea")
            monkeypatch.setattr(cards.Cards, "render_placed", render)
            monkeypatch.setattr(client.Telegram, "stop", noted)
            anna.tap(card, "Going")
            assert begun.wait(15)
    assert at_work
    assert not [task for task in at_work if "Editor" in task or "Updates" in task]
