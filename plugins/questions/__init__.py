"""Asks people questions before they register.

`README.md` explains the questions. Hosts read the answers as a list or as a CSV file.
"""

from pathlib import Path

from eventorg.plugin import EventCreated, Gate, Plugin

from .copies import copy_questions, select
from .gate import UNANSWERED, check
from .routes import ROUTES
from .users import export, move

_HERE = Path(__file__).parent

plugin = Plugin(
    name="questions",
    requires=">=0.1",
    routes=ROUTES,
    on={EventCreated: copy_questions},
    filter=select,
    gates=[Gate(check=check, applies="get_questions")],
    refusals=[UNANSWERED],
    export=export,
    on_merge=move,
    statements=_HERE / "sql",
    migrations=_HERE / "migrations",
)
