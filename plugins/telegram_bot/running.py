"""Runs the bot: in the server, as the plugin's lifespan, or alone against a server elsewhere."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
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
from .state import BOT, PROCESS, PluginState, State
from .updates import Updates
from .webhook import receiving


@asynccontextmanager
async def in_server(context: Context) -> AsyncIterator[None]:
    """Runs the bot until the block ends."""
    state = PluginState(context)
    writes: set[asyncio.Task[Any]] = set()
    shown: str | None = None

    def report(problem: str | None) -> None:
        nonlocal shown
        context.show_problem(problem)
        if problem != shown:  # for `eventorg telegram check`, which runs in another process
            shown = problem
            writes.add(write := asyncio.create_task(state.update(BOT, PROCESS, problem=problem)))
            write.add_done_callback(writes.discard)

    await state.set(BOT, PROCESS, {"pid": os.getpid()})
    async with (
        context.client() as client,
        running(context.settings, client, state, context.clock, context.log, report) as updates,
    ):
        with receiving(context, updates.receive):
            yield
    await asyncio.gather(*writes, return_exceptions=True)
    await state.set(BOT, PROCESS, {})


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
    await asyncio.gather(bot.reminders.load(), bot.places.load())
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(work)
                for work in (
                    *(updates.run(), editor.follow(), editor.hurry()),
                    *(deliver(bot), bot.reminders.run(), bot.changes.run(), _set_menu(bot)),
                )
            ]
            try:
                yield updates
            finally:
                for task in tasks:
                    task.cancel()
    finally:
        await _end([*updates.tasks, *editor.tasks, *bot.places.tasks])
        await bot.telegram.stop()  # last: whoever is still at work could open another connection


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancels tasks and waits for their end. Telegram and the server offer again what was not finished."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _set_menu(bot: Bot) -> None:
    """Sets the menu once the bot can be reached."""
    await bot.is_ready.wait()
    try:
        await set_menu(bot)
    except TelegramError as error:
        bot.log.warning("telegram_menu_not_set", error=type(error).__name__)
