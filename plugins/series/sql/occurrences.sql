-- name: add_occurrence(series_id, date, planned, event_id, seen, carry_from)!
-- Fails for a date that has a row.
INSERT INTO series_occurrences (series_id, date, planned, event_id, seen, carry_from)
VALUES (:series_id, :date, :planned, :event_id, :seen, :carry_from);

-- name: add_skip(series_id, date, planned)!
INSERT INTO series_occurrences (series_id, date, planned, is_skipped)
VALUES (:series_id, :date, :planned, 1);

-- name: delete_occurrence(series_id, date)!
DELETE FROM series_occurrences
WHERE series_id = :series_id AND date = :date;

-- name: delete_occurrences(series_id, most)!
DELETE FROM series_occurrences
WHERE (series_id, date) IN (
    SELECT
        series_id,
        date
    FROM series_occurrences
    WHERE series_id = :series_id
    LIMIT :most
);

-- name: get_first(series_id)^
-- The first event that is left: its hosts are those of the series, and new occurrences are copies of it.
SELECT
    events.id,
    events.organizer_id
FROM series_occurrences AS occurrences
JOIN eventorg_events AS events ON events.id = occurrences.event_id
WHERE occurrences.series_id = :series_id
ORDER BY occurrences.date
LIMIT 1;

-- name: get_another(series_id, event_id)^
SELECT occurrences.event_id
FROM series_occurrences AS occurrences
JOIN eventorg_events AS events ON events.id = occurrences.event_id
WHERE occurrences.series_id = :series_id AND occurrences.event_id <> :event_id
LIMIT 1;

-- name: get_before(series_id, date)^
-- The last event before a date, cancelled or not.
SELECT occurrences.event_id
FROM series_occurrences AS occurrences
JOIN eventorg_events AS events ON events.id = occurrences.event_id
WHERE occurrences.series_id = :series_id AND occurrences.date < :date
ORDER BY occurrences.date DESC
LIMIT 1;

-- name: is_host(event_id, user_id)^
SELECT role
FROM eventorg_hosts
WHERE event_id = :event_id AND user_id = :user_id;

-- name: is_known(series_id, date)^
SELECT is_skipped
FROM series_occurrences
WHERE series_id = :series_id AND date = :date;

-- name: list_known_after(series_id, date)
-- The dates after a date that are skipped before they are made.
SELECT date
FROM series_occurrences
WHERE series_id = :series_id AND date > :date;

-- name: get_state(series_id, now)^
-- How many events are not over, and when they end. Those that take place have `last_live_end`.
SELECT
    count(*) AS upcoming,
    min(events.end_time) AS first_end,
    max(events.end_time) AS last_end,
    max(events.end_time) FILTER (WHERE events.status <> 'cancelled' AND occurrences.is_skipped = 0) AS last_live_end
FROM series_occurrences AS occurrences
JOIN eventorg_events AS events ON events.id = occurrences.event_id
WHERE occurrences.series_id = :series_id AND events.end_time > :now;

-- name: list_next_starts(series_id, now, most)
SELECT events.start_time
FROM series_occurrences AS occurrences
JOIN eventorg_events AS events ON events.id = occurrences.event_id
WHERE occurrences.series_id = :series_id
    AND events.start_time >= :now
    AND events.status <> 'cancelled'
    AND occurrences.is_skipped = 0
ORDER BY events.start_time
LIMIT :most;

-- name: list_upcoming(series_id, now, from_date)
-- The events that are not over, from a date of the rule on, and the one of that date in any case. `is_edited` also
-- counts edits that the plugin has not been told of yet.
SELECT
    occurrences.date,
    occurrences.event_id,
    occurrences.is_skipped,
    events.start_time,
    events.end_time,
    events.status,
    occurrences.is_edited
    OR EXISTS (
        SELECT 1
        FROM eventorg_changes AS changes
        WHERE changes.event_id = occurrences.event_id
            AND changes.seq > occurrences.seen
            AND changes.type IN ('event.updated', 'event.cancelled')
            AND (
                changes.data IS NULL
                OR EXISTS (
                    SELECT 1
                    FROM json_each(changes.data, '$.changed') AS names
                    WHERE names.value NOT IN ('hosts', 'metadata', 'organizer_id')
                )
            )
    ) AS is_edited
FROM series_occurrences AS occurrences
JOIN eventorg_events AS events ON events.id = occurrences.event_id
WHERE occurrences.series_id = :series_id
    AND occurrences.date >= :from_date
    AND (events.end_time > :now OR occurrences.date = :from_date)
ORDER BY occurrences.date;

-- name: get_occurrence_of(event_id)^
SELECT
    series_id,
    date,
    seen
FROM series_occurrences
WHERE event_id = :event_id;

-- name: find_planned(series_id, planned)^
-- The occurrence that the series has on a date. One that was deleted or detached is none.
SELECT
    occurrences.date,
    events.id AS event_id,
    events.start_time,
    events.end_time,
    events.status,
    occurrences.is_skipped,
    occurrences.was_live
FROM series_occurrences AS occurrences
LEFT JOIN eventorg_events AS events ON events.id = occurrences.event_id
WHERE occurrences.series_id = :series_id
    AND occurrences.planned = :planned
    AND (events.id IS NOT NULL OR occurrences.is_skipped)
ORDER BY occurrences.date
LIMIT 1;

-- name: find_between(series_id, since, until)^
-- The first event that starts between two times.
SELECT
    occurrences.date,
    events.id AS event_id,
    events.start_time,
    events.end_time,
    events.status,
    occurrences.is_skipped,
    occurrences.was_live
FROM series_occurrences AS occurrences
JOIN eventorg_events AS events ON events.id = occurrences.event_id
WHERE occurrences.series_id = :series_id AND events.start_time >= :since AND events.start_time < :until
ORDER BY events.start_time
LIMIT 1;

-- name: list_visible(series_id, viewer_id, after_time, after_id, most)
-- The events that the viewer may be able to see, by start time. The core decides about each.
SELECT
    events.id,
    events.start_time
FROM series_occurrences AS occurrences
JOIN eventorg_events AS events ON events.id = occurrences.event_id
WHERE occurrences.series_id = :series_id
    AND (events.start_time, events.id) > (:after_time, :after_id)
    AND (
        (events.status <> 'draft' AND events.visibility <> 'private')
        OR EXISTS (
            SELECT 1
            FROM eventorg_hosts AS hosts
            WHERE hosts.event_id = events.id AND hosts.user_id = :viewer_id
        )
        OR EXISTS (
            SELECT 1
            FROM eventorg_registrations AS registrations
            WHERE registrations.event_id = events.id AND registrations.user_id = :viewer_id
        )
        OR EXISTS (
            SELECT 1
            FROM eventorg_rsvps AS rsvps
            WHERE rsvps.event_id = events.id AND rsvps.user_id = :viewer_id
        )
    )
ORDER BY events.start_time, events.id
LIMIT :most;

-- name: note_seen(event_id, seen)!
-- The series itself has edited the event.
UPDATE series_occurrences
SET seen = :seen
WHERE event_id = :event_id;

-- name: note_edit(event_id)!
UPDATE series_occurrences
SET is_edited = 1
WHERE event_id = :event_id;

-- name: move_planned(series_id, date, planned)!
UPDATE series_occurrences
SET planned = :planned
WHERE series_id = :series_id AND date = :date;

-- name: list_skips(series_id, from_date)
-- The dates without an event that are skipped.
SELECT date
FROM series_occurrences
WHERE series_id = :series_id AND date >= :from_date AND event_id IS NULL AND is_skipped = 1;

-- name: skip_occurrence(series_id, date, event_id, was_live)!
UPDATE series_occurrences
SET
    is_skipped = 1,
    event_id = :event_id,
    was_live = :was_live,
    carry_from = NULL
WHERE series_id = :series_id AND date = :date;

-- name: take_back(series_id, date)!
UPDATE series_occurrences
SET
    is_skipped = 0,
    was_live = 0
WHERE series_id = :series_id AND date = :date;

-- name: forget_event(event_id)!
-- A deleted or detached event. Its date stays, so that it is not made again.
UPDATE series_occurrences
SET
    event_id = NULL,
    carry_from = NULL
WHERE event_id = :event_id;

-- name: get_carried_to(event_id)^
SELECT
    series_id,
    date,
    event_id,
    carry_from,
    carry_after
FROM series_occurrences
WHERE event_id = :event_id;

-- name: is_carrying(event_id)^
SELECT carry_from
FROM series_occurrences
WHERE event_id = :event_id AND carry_from IS NOT NULL;

-- name: get_carried(series_id)^
SELECT
    series_id,
    date,
    event_id,
    carry_from,
    carry_after
FROM series_occurrences
WHERE series_id = :series_id AND carry_from IS NOT NULL
LIMIT 1;

-- name: list_regulars(event_id, to_event_id, after, most)
-- Those who had a seat, in order of registration, with a mark for those who have dealt with the other event already.
SELECT
    registrations.seq,
    registrations.user_id,
    registrations.guests,
    registrations.guest_names,
    users.name_only,
    users.first_name,
    users.last_name,
    EXISTS (
        SELECT 1
        FROM eventorg_registrations AS others
        WHERE others.event_id = :to_event_id AND others.user_id = registrations.user_id
    )
    OR EXISTS (
        SELECT 1
        FROM eventorg_rsvps AS rsvps
        WHERE rsvps.event_id = :to_event_id AND rsvps.user_id = registrations.user_id
    ) AS has_dealt
FROM eventorg_registrations AS registrations
JOIN eventorg_users AS users ON users.id = registrations.user_id
WHERE registrations.event_id = :event_id
    AND registrations.seq > :after
    AND registrations.status IN ('registered', 'attended')
ORDER BY registrations.seq
LIMIT :most;

-- name: save_carried(series_id, date, after)!
UPDATE series_occurrences
SET carry_after = :after
WHERE series_id = :series_id AND date = :date;

-- name: finish_carrying(series_id, date)!
UPDATE series_occurrences
SET carry_from = NULL
WHERE series_id = :series_id AND date = :date;

-- name: get_skip(series_id, date)^
SELECT max(is_skipped) AS is_skipped
FROM series_occurrences
WHERE series_id = :series_id AND date = :date;

-- name: get_any_registration(event_id)^
SELECT seq
FROM eventorg_registrations
WHERE event_id = :event_id
LIMIT 1;

-- name: get_last_seen(series_id)^
SELECT max(seen) AS seen
FROM series_occurrences
WHERE series_id = :series_id;

-- name: get_position()^
-- The last change that all plugins have handled.
SELECT min(seq) AS seq
FROM eventorg_positions;

-- name: get_last_skip(series_id)^
SELECT max(planned) AS planned
FROM series_occurrences
WHERE series_id = :series_id AND is_skipped = 1;
