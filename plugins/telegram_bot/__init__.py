"""A Telegram bot for events. With a token it runs in the server; without one, it costs nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from eventorg.plugin import Context, Job, Plugin

from .commands import COMMANDS
from .postponing import resume
from .settings import Settings
from .state import export, merge, sweep
from .webhook import routes

_HERE = Path(__file__).parent


@asynccontextmanager
async def lifespan(context: Context) -> AsyncIterator[None]:
    """Runs the bot if there is a token."""
    if not context.settings.token:
        yield
        return
    from .running import in_server  # here, because it imports the Telegram library

    async with in_server(context):
        yield


plugin = Plugin(
    name="telegram_bot",
    routes=routes,
    export=export,
    on_merge=merge,
    lifespan=lifespan,
    jobs=[
        Job(name="sweep", every=timedelta(hours=1), run=sweep),
        Job(name="postpone", every=timedelta(minutes=5), run=resume),
    ],
    settings=Settings,
    statements=_HERE / "sql",
    migrations=_HERE / "migrations",
    commands=COMMANDS,
    command_name="telegram",
    bot=["act", "changes", "deliver"],
)
