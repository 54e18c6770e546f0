"""Sends reminders and other messages to the participants of events, by bot or by email.

`README.md` explains delivery to bot authors, and the setup of email to operators.
"""

from datetime import timedelta
from pathlib import Path

from eventorg.plugin import FACTS, Job, Plugin

from .export import export
from .mail import send_mail
from .routes import ROUTES
from .schedule import on_fact, remind, select, sweep
from .settings import Settings

_HERE = Path(__file__).parent

plugin = Plugin(
    name="reminders",
    requires=">=0.1",
    routes=ROUTES,
    on=dict.fromkeys(FACTS.values(), on_fact),
    filter=select,
    export=export,
    jobs=[
        Job(name="remind", every=timedelta(seconds=10), run=remind),
        Job(name="send_mail", every=timedelta(seconds=10), run=send_mail),
        Job(name="sweep", every=timedelta(hours=1), run=sweep),
    ],
    settings=Settings,
    statements=_HERE / "sql",
    migrations=_HERE / "migrations",
)
