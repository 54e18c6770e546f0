"""Broadcasts: hosts send a message to the people of their event.

Bots and the mail server deliver the messages from the core's outbox.
"""

from datetime import timedelta
from pathlib import Path

from eventorg.plugin import EventDeleted, Job, Plugin

from .repository import NOT_FOUND, TOO_MANY
from .routes import BroadcastController
from .sending import refresh, sending
from .settling import delete_broadcasts, export, move, settle

_HERE = Path(__file__).parent

plugin = Plugin(
    name="broadcasts",
    requires=">=0.1",
    routes=[BroadcastController],
    on={EventDeleted: delete_broadcasts},
    export=export,
    on_merge=move,
    refresh=refresh,
    lifespan=sending,
    jobs=[Job(name="settle", every=timedelta(minutes=1), run=settle)],
    statements=_HERE / "sql",
    migrations=_HERE / "migrations",
    problems={"broadcast_not_found": NOT_FOUND, "too_many_broadcasts": TOO_MANY},
)
