"""Placements: cards that bots have posted in chats, kept current."""

from datetime import timedelta
from pathlib import Path

from eventorg.plugin import Job, Plugin

from .placements import NOT_FOUND, TOO_MANY
from .repository import export, merge, sweep
from .routes import ROUTES

_HERE = Path(__file__).parent

plugin = Plugin(
    name="placements",
    routes=ROUTES,
    export=export,
    on_merge=merge,
    jobs=[Job(name="sweep", every=timedelta(hours=1), run=sweep)],
    statements=_HERE / "sql",
    migrations=_HERE / "migrations",
    problems={"placement_not_found": NOT_FOUND, "too_many_placements": TOO_MANY},
)
