-- name: create_registration(event_id, user_id, status, now)!
INSERT INTO registrations (event_id, user_id, status, registration_date)
VALUES (:event_id, :user_id, :status, :now);

-- name: get_registration(event_id, user_id)^
SELECT
    event_id,
    user_id,
    status,
    registration_date,
    CASE status
        WHEN 'waitlisted' THEN (
            SELECT count(*)
            FROM registrations AS line
            WHERE line.event_id = registrations.event_id
                AND line.status = 'waitlisted'
                AND line.seq <= registrations.seq
        )
    END AS waitlist_position
FROM registrations
WHERE event_id = :event_id AND user_id = :user_id;

-- name: forget_cancelled(event_id, user_id)!
-- A user who registers again goes to the end of the list.
DELETE FROM registrations
WHERE event_id = :event_id AND user_id = :user_id AND status = 'cancelled';

-- name: list_participants(event_id, after, status, limit)^
-- In the order of registration, as JSON: twice as fast as one object per row. The waiting list is numbered by itself
-- and merged in. A limit of -1 means no limit.
SELECT
    json_group_array(json_object(
        'event_id', event_id,
        'user_id', user_id,
        'status', status,
        'registration_date', registration_date,
        'waitlist_position', waitlist_position
    )) AS participants,
    count(*) AS count,
    max(seq) AS last
FROM (
    SELECT
        seq,
        event_id,
        user_id,
        status,
        registration_date,
        NULL AS waitlist_position
    FROM registrations
    WHERE event_id = :event_id
        AND seq > :after
        AND status <> 'waitlisted'
        AND CASE WHEN :status IS NULL THEN status <> 'cancelled' ELSE status = :status END
    UNION ALL
    SELECT
        seq,
        event_id,
        user_id,
        status,
        registration_date,
        position
    FROM (
        SELECT
            seq,
            event_id,
            user_id,
            status,
            registration_date,
            row_number() OVER (ORDER BY seq) AS position
        FROM registrations
        WHERE event_id = :event_id AND status = 'waitlisted'
    )
    WHERE seq > :after AND (:status IS NULL OR :status = 'waitlisted')
    ORDER BY seq
    LIMIT :limit
);

-- name: has_participants_after(event_id, after, status)^
SELECT 1 AS found
FROM registrations
WHERE event_id = :event_id
    AND seq > :after
    AND CASE WHEN :status IS NULL THEN status <> 'cancelled' ELSE status = :status END
LIMIT 1;

-- name: list_registrations_of(user_id)
SELECT
    event_id,
    status,
    cancelled_by
FROM registrations
WHERE user_id = :user_id
ORDER BY seq;

-- name: list_registrations_to_end(user_id, limit)
-- Those for events that are deleted with the user's account end with the event.
SELECT
    event_id,
    status
FROM registrations
WHERE user_id = :user_id
    AND event_id NOT IN (SELECT id FROM ending_events)
LIMIT :limit;

-- name: list_registrations_to_merge(user_id, limit)
SELECT event_id
FROM registrations
WHERE user_id = :user_id
LIMIT :limit;

-- name: delete_registration(event_id, user_id)!
DELETE FROM registrations
WHERE event_id = :event_id AND user_id = :user_id;

-- name: set_registration_status(event_id, user_id, status)!
UPDATE registrations
SET status = :status
WHERE event_id = :event_id AND user_id = :user_id;

-- name: cancel_registration(event_id, user_id, cancelled_by)!
UPDATE registrations
SET
    status = 'cancelled',
    cancelled_by = :cancelled_by
WHERE event_id = :event_id AND user_id = :user_id;

-- name: count_participants(event_id)^
SELECT
    count(*) FILTER (WHERE status = 'registered') AS registered,
    count(*) FILTER (WHERE status = 'waitlisted') AS waitlisted,
    count(*) FILTER (WHERE status = 'attended') AS attended,
    count(*) FILTER (WHERE status = 'cancelled') AS cancelled
FROM registrations
WHERE event_id = :event_id;

-- name: list_first_names(event_id, limit)
-- The names of users with a seat, in the order of registration.
SELECT
    users.username,
    users.first_name,
    users.last_name
FROM registrations
JOIN users ON users.id = registrations.user_id
WHERE registrations.event_id = :event_id
    AND registrations.status IN ('registered', 'attended')
    AND users.closing IS NULL
ORDER BY registrations.seq
LIMIT :limit;
