-- name: create_series(id, rrule, start, start_timezone, carry_over, plan, reached, now)!
INSERT INTO series_series (
    id, rrule, start, start_timezone, carry_over, plan, reached, number, due_at, created_at
)
VALUES (:id, :rrule, :start, :start_timezone, :carry_over, :plan, :reached, 1, :now, :now);

-- name: get_series(id)^
SELECT
    id,
    rrule,
    start,
    start_timezone,
    carry_over,
    plan,
    reached,
    number,
    version,
    ended_at
FROM series_series
WHERE id = :id;

-- name: get_series_of(event_id)^
SELECT series_id AS id
FROM series_occurrences
WHERE event_id = :event_id;

-- name: count_running(organizer_id)^
-- The running series that have an event of this organizer.
SELECT count(DISTINCT series.id) AS series
FROM eventorg_events AS events
JOIN series_occurrences AS occurrences ON occurrences.event_id = events.id
JOIN series_series AS series ON series.id = occurrences.series_id
WHERE events.organizer_id = :organizer_id AND series.ended_at IS NULL;

-- name: list_series_by(user_id)
-- The series that have an event of this organizer.
SELECT DISTINCT occurrences.series_id AS id
FROM eventorg_events AS events
JOIN series_occurrences AS occurrences ON occurrences.event_id = events.id
WHERE events.organizer_id = :user_id
ORDER BY occurrences.series_id;

-- name: list_due(now, most)
SELECT id
FROM series_series
WHERE due_at <= :now
ORDER BY due_at
LIMIT :most;

-- name: list_carrying(most)
SELECT DISTINCT series_id AS id
FROM series_occurrences
WHERE carry_from IS NOT NULL
LIMIT :most;

-- name: save_progress(id, reached, number, due_at, ended_at)!
UPDATE series_series
SET
    reached = :reached,
    number = :number,
    due_at = :due_at,
    ended_at = :ended_at
WHERE id = :id;

-- name: postpone(id, due_at)!
UPDATE series_series
SET due_at = :due_at
WHERE id = :id AND ended_at IS NULL;

-- name: save_plan(id, plan)!
UPDATE series_series
SET
    plan = :plan,
    version = version + 1
WHERE id = :id;

-- name: touch_series(id)!
UPDATE series_series
SET version = version + 1
WHERE id = :id;

-- name: end_series(id, now)!
UPDATE series_series
SET
    ended_at = :now,
    due_at = NULL,
    version = version + 1
WHERE id = :id AND ended_at IS NULL;

-- name: delete_series(id)!
DELETE FROM series_series
WHERE id = :id;
