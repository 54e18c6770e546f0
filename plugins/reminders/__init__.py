"""Reminds participants of events, and tells them what changes.

`README.md` explains the times of reminders. Bots and the mail server deliver the messages from the core's outbox.
"""

from datetime import timedelta
from pathlib import Path

from eventorg.plugin import Job, Plugin

from .export import export
from .news import NEWS, announcing, on_fact, select
from .notices import move, refresh
from .routes import ROUTES
from .schedule import remind, sweep

_HERE = Path(__file__).parent

plugin = Plugin(
    name="reminders",
    requires=">=0.1",
    routes=ROUTES,
    on=dict.fromkeys(NEWS, on_fact),
    filter=select,
    export=export,
    on_merge=move,
    refresh=refresh,
    lifespan=announcing,
    jobs=[
        Job(name="remind", every=timedelta(seconds=10), run=remind),
        Job(name="sweep", every=timedelta(hours=1), run=sweep),
    ],
    statements=_HERE / "sql",
    migrations=_HERE / "migrations",
)
