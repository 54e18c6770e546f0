"""Runs the bot: in the server, as the plugin's lifespan, or alone against a server elsewhere."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx

from eventorg.plugin import Clock, Context

from .api import Api
from .bot import Bot
from .client import Telegram, TelegramError
from .editor import Editor
from .features import FEATURES
from .help import set_menu
from .outbox import deliver
from .pace import Pace
from .router import Router
from .settings import Settings
from .state import PluginState, State
from .updates import Updates
from .webhook import receiving


@asynccontextmanager
async def in_server(context: Context) -> AsyncIterator[None]:
    """Runs the bot until the block ends."""
    state = PluginState(context)
    async with (
        context.client() as client,
        running(context.settings, client, state, context.clock, context.log, context.show_problem) as updates,
    ):
        with receiving(context, updates.receive):
            yield


@asynccontextmanager
async def running(
    settings: Settings,
    client: httpx.AsyncClient,
    state: State,
    clock: Clock,
    log: Any,
    report: Callable[[str | None], None],
) -> AsyncIterator[Updates]:
    """Runs the bot with a client of the API until the block ends."""
    bot = Bot(settings, Api(client), Telegram(settings.token, settings.api_url, Pace()), state, clock, log, report)
    editor = Editor(bot)
    updates = Updates(bot, Router(bot, FEATURES))
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(work)
            for work in (updates.run(), editor.follow(), editor.hurry(), deliver(bot), _set_menu(bot))
        ]
        try:
            yield updates
        finally:
            for task in tasks:
                task.cancel()
            await updates.stop()
            await bot.telegram.stop()


async def _set_menu(bot: Bot) -> None:
    """Sets the menu once the bot can be reached."""
    await bot.is_ready.wait()
    try:
        await set_menu(bot)
    except TelegramError as error:
        bot.log.warning("telegram_menu_not_set", error=type(error).__name__)
