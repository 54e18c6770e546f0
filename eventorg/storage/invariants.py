"""The rules that the rows of a file keep after every transaction: finds the events that break one, and repairs them."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from eventorg.domain.values import Clock, rfc3339
from eventorg.storage.sqlite import connect_reader, connect_writer

_COUNTERS: Final = ("registered_count", "waitlisted_count", "pending_count", "maybe_count", "declined_count")

_COUNTED: Final = """
WITH people AS (
    SELECT
        event_id,
        coalesce(sum(1 + guests) FILTER (WHERE status IN ('registered', 'attended')), 0) AS registered_count,
        coalesce(sum(1 + guests) FILTER (WHERE status = 'waitlisted' AND approved = 1), 0) AS waitlisted_count,
        coalesce(sum(1 + guests) FILTER (WHERE status = 'waitlisted' AND approved = 0), 0) AS pending_count
    FROM registrations
    GROUP BY event_id
),

answers AS (
    SELECT
        event_id,
        count(*) FILTER (WHERE answer = 'maybe') AS maybe_count,
        count(*) FILTER (WHERE answer = 'declined') AS declined_count
    FROM rsvps
    GROUP BY event_id
)

SELECT
    events.id,
    coalesce(people.registered_count, 0),
    coalesce(people.waitlisted_count, 0),
    coalesce(people.pending_count, 0),
    coalesce(answers.maybe_count, 0),
    coalesce(answers.declined_count, 0),
    events.registered_count,
    events.waitlisted_count,
    events.pending_count,
    events.maybe_count,
    events.declined_count
FROM events
LEFT JOIN people ON people.event_id = events.id
LEFT JOIN answers ON answers.event_id = events.id
WHERE (
    events.registered_count, events.waitlisted_count, events.pending_count, events.maybe_count, events.declined_count
) <> (
    coalesce(people.registered_count, 0),
    coalesce(people.waitlisted_count, 0),
    coalesce(people.pending_count, 0),
    coalesce(answers.maybe_count, 0),
    coalesce(answers.declined_count, 0)
)
    AND events.id NOT IN (SELECT id FROM ending_events)
ORDER BY events.id
"""

_PEOPLE_WHO_FIT: Final = """
SELECT events.id
FROM events
WHERE events.status = 'published'
    AND events.end_time > :now
    AND events.waitlisted_count > 0
    AND events.id NOT IN (SELECT id FROM ending_events)
    AND NOT EXISTS (SELECT 1 FROM open_tasks WHERE open_tasks.event_id = events.id)
    AND EXISTS (
        SELECT 1
        FROM registrations
        WHERE registrations.event_id = events.id
            AND registrations.status = 'waitlisted'
            AND registrations.approved = 1
            AND (events.capacity IS NULL OR events.registered_count + 1 + registrations.guests <= events.capacity)
    )
ORDER BY events.id
"""

_TWO_ANSWERS: Final = """
SELECT DISTINCT rsvps.event_id
FROM rsvps
JOIN registrations ON registrations.event_id = rsvps.event_id AND registrations.user_id = rsvps.user_id
WHERE registrations.status <> 'cancelled'
ORDER BY rsvps.event_id
"""

_WITHOUT_SECOND_ANSWER: Final = """
DELETE FROM rsvps
WHERE EXISTS (
    SELECT 1
    FROM registrations
    WHERE registrations.event_id = rsvps.event_id
        AND registrations.user_id = rsvps.user_id
        AND registrations.status <> 'cancelled'
)
"""

_RECOUNT: Final = """
UPDATE events
SET
    registered_count = ?,
    waitlisted_count = ?,
    pending_count = ?,
    maybe_count = ?,
    declined_count = ?,
    card_version = card_version + 1
WHERE id = ?
"""
_SEAT: Final = "INSERT OR IGNORE INTO open_tasks (kind, event_id, is_operator) VALUES ('fill_seats', ?, 1)"


def find_miscounts(path: Path) -> list[str]:
    """Returns the events whose counters differ from their registrations and answers, one sentence each. Only reads."""
    with closing(connect_reader(path)) as connection:
        return list(miscounts(connection))


def miscounts(connection: sqlite3.Connection) -> Iterator[str]:
    """Yields a sentence for each event with a wrong counter. A file from before the counters has none."""
    if not _is_current(connection):
        return
    for event_id, *numbers in connection.execute(_COUNTED).fetchall():
        wrong = zip(_COUNTERS, numbers[:5], numbers[5:], strict=True)
        parts = [f"{name} is {stored} and should be {true}" for name, true, stored in wrong if true != stored]
        yield f"event {event_id}: {', '.join(parts)}. To recount, run `eventorg check --repair`."


def broken_rules(connection: sqlite3.Connection, now: str) -> Iterator[str]:
    """Yields a sentence for each event that breaks another rule."""
    if not _is_current(connection):
        return
    for (event_id,) in connection.execute(_PEOPLE_WHO_FIT, {"now": now}).fetchall():
        yield f"event {event_id}: somebody waits although there are seats. To seat them, run `eventorg check --repair`."
    for (event_id,) in connection.execute(_TWO_ANSWERS).fetchall():
        yield (
            f"event {event_id}: somebody is registered and has another answer too. To delete that answer, run "
            "`eventorg check --repair`."
        )


def repair(path: Path, clock: Clock) -> list[str]:
    """Deletes second answers, counts again, and lets the server seat those who wait although there are seats.

    Returns a sentence for each event that was repaired. It is one transaction, also while the server runs.
    """
    with closing(connect_writer(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            repaired = list(_repair(connection, rfc3339(clock())))
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
    return repaired


def _repair(connection: sqlite3.Connection, now: str) -> Iterator[str]:
    for (event_id,) in connection.execute(_TWO_ANSWERS).fetchall():
        yield f"event {event_id}: deleted the answers of people who are registered"
    connection.execute(_WITHOUT_SECOND_ANSWER)
    for event_id, *numbers in connection.execute(_COUNTED).fetchall():
        connection.execute(_RECOUNT, (*numbers[:5], event_id))
        yield f"event {event_id}: counted again"
    for (event_id,) in connection.execute(_PEOPLE_WHO_FIT, {"now": now}).fetchall():
        connection.execute(_SEAT, (event_id,))
        yield f"event {event_id}: the server gives the free seats to the waiting list"


def _is_current(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'rsvps'").fetchone() is not None
