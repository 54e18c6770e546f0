"""Webhooks: sends changes to other programs, signed as Standard Webhooks specifies."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from eventorg.plugin import Context, Fact, Job, Plugin

from .commands import COMMANDS
from .queueing import enqueue, forget, select
from .repository import OFF, export, merge
from .routes import WebhookController
from .sending import sender_of, sending


class Settings(Struct, frozen=True, kw_only=True):
    """The settings `EVENTORG_WEBHOOKS_…`."""

    allow_private: Annotated[bool, Meta(description="allow webhooks to private networks and to this machine")] = False
    log_days: Annotated[int, Meta(ge=1, le=3_650, description="how many days the delivery log is kept")] = 30


async def _enqueue(fact: Fact, context: Context) -> None:
    """Queues a message for each webhook that wants the fact."""
    if await enqueue(fact, context):
        sender_of(context).wake()


plugin = Plugin(
    name="webhooks",
    routes=[WebhookController],
    on={Fact: _enqueue},
    filter=select,
    export=export,
    on_merge=merge,
    lifespan=sending,
    jobs=[Job(name="forget", every=timedelta(hours=1), run=forget)],
    settings=Settings,
    statements=Path(__file__).parent / "sql",
    migrations=Path(__file__).parent / "migrations",
    commands=COMMANDS,
    problems={"webhook_off": OFF},
)
