"""Placements: cards that bots have posted in chats, kept current."""

from pathlib import Path

from eventorg.plugin import EventUpdated, Plugin

from .placements import NOT_FOUND, TOO_MANY
from .repository import export, forget_former_host, merge, select
from .routes import ROUTES

_HERE = Path(__file__).parent

plugin = Plugin(
    name="placements",
    routes=ROUTES,
    on={EventUpdated: forget_former_host},
    filter=select,
    export=export,
    on_merge=merge,
    statements=_HERE / "sql",
    migrations=_HERE / "migrations",
    problems={"placement_not_found": NOT_FOUND, "too_many_placements": TOO_MANY},
)
