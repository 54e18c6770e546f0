"""Series: recurring events by a rule of RFC 5545.

Occurrences are ordinary events, made in advance as copies of the first one.
"""

from datetime import timedelta
from pathlib import Path

from eventorg.plugin import EventCancelled, EventDeleted, EventUpdated, Gate, Job, Plugin

from .following import forget_event, note_edit, select
from .gate import REGULARS_FIRST, check
from .making import make_due
from .repository import export
from .routes import ROUTES
from .series import ALREADY, NO_OCCURRENCE, NOT_FOUND, TOO_MANY

_HERE = Path(__file__).parent

plugin = Plugin(
    name="series",
    requires=">=0.1",
    routes=ROUTES,
    on={EventUpdated: note_edit, EventCancelled: note_edit, EventDeleted: forget_event},
    filter=select,
    gates=[Gate(check=check, binds_hosts=True, applies="is_carrying")],
    refusals=[REGULARS_FIRST],
    export=export,
    jobs=[Job(name="make_due", every=timedelta(seconds=1), run=make_due)],
    statements=_HERE / "sql",
    migrations=_HERE / "migrations",
    problems={
        "series_not_found": NOT_FOUND,
        "occurrence_not_found": NO_OCCURRENCE,
        "already_in_series": ALREADY,
        "too_many_series": TOO_MANY,
    },
)
