"""Asks people questions before they register.

`README.md` explains the questions. Hosts read the answers as a list or as a CSV file.
"""

from pathlib import Path

from eventorg.plugin import Gate, Plugin

from .gate import UNANSWERED, check
from .routes import ROUTES

_HERE = Path(__file__).parent

plugin = Plugin(
    name="questions",
    requires=">=0.1",
    routes=ROUTES,
    gates=[Gate(check=check)],
    refusals=[UNANSWERED],
    statements=_HERE / "sql",
    migrations=_HERE / "migrations",
)
