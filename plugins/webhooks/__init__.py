"""Webhooks: receivers elsewhere are told of changes, signed by the rules of Standard Webhooks."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from eventorg.plugin import FACTS, Context, Fact, Job, Plugin

from .commands import COMMANDS
from .queueing import choose, enqueue, forget
from .repository import OFF, export
from .routes import WebhookController
from .sending import sender_of


class Settings(Struct, frozen=True, kw_only=True):
    """What is read from `EVENTORG_WEBHOOKS_…`."""

    allow_private: Annotated[bool, Meta(description="webhooks may lead into the machine's own networks")] = False
    log_days: Annotated[int, Meta(ge=1, le=3_650, description="how long the delivery log reaches back, in days")] = 30


async def _tell(fact: Fact, context: Context) -> None:
    """What has happened becomes a message for each webhook that wants it."""
    if await enqueue(fact, context):
        sender_of(context).wake()


async def _send(context: Context) -> None:
    """Sends what is due."""
    await sender_of(context).run(context)


plugin = Plugin(
    name="webhooks",
    routes=[WebhookController],
    on=dict.fromkeys(FACTS.values(), _tell),
    choose=choose,
    export=export,
    jobs=[
        Job(name="send", every=timedelta(seconds=1), run=_send),
        Job(name="forget", every=timedelta(hours=1), run=forget),
    ],
    settings=Settings,
    statements=Path(__file__).parent / "sql",
    migrations=Path(__file__).parent / "migrations",
    commands=COMMANDS,
    problems={"webhook_off": OFF},
)
