-- name: create_address(user_id, sha256, now)!
INSERT INTO calendar_export_addresses (sha256, user_id, created_at)
VALUES (:sha256, :user_id, :now);

-- name: delete_addresses(user_id)!
DELETE FROM calendar_export_addresses
WHERE user_id = :user_id;

-- name: move_addresses(gone_id, stays_id)!
UPDATE calendar_export_addresses
SET user_id = :stays_id
WHERE user_id = :gone_id;

-- name: get_newest_address(user_id)^
SELECT
    sha256,
    created_at
FROM calendar_export_addresses
WHERE user_id = :user_id
ORDER BY created_at DESC, sha256
LIMIT 1;

-- name: get_owner(sha256)^
-- The owner of a feed.
SELECT user_id
FROM calendar_export_addresses
WHERE sha256 = :sha256;

-- name: list_entries(user_id, since, now, most)
-- The events that a user hosts or attends and that end at or after :since. Beyond :most, those that start nearest to
-- :now. A host is never on the waiting list.
WITH mine AS (
    SELECT
        id AS event_id,
        0 AS waitlisted
    FROM events
    WHERE organizer_id = :user_id
    UNION ALL
    SELECT
        event_id,
        0
    FROM event_hosts
    WHERE user_id = :user_id
    UNION ALL
    SELECT
        event_id,
        status = 'waitlisted'
    FROM registrations
    WHERE user_id = :user_id AND status <> 'cancelled'
)
SELECT
    events.id,
    events.title,
    events.description,
    events.location,
    events.start_time,
    events.end_time,
    events.organizer_id,
    events.status,
    events.version,
    events.created_at,
    events.updated_at,
    min(mine.waitlisted) AS waitlisted
FROM mine
JOIN events ON events.id = mine.event_id
WHERE events.end_time >= :since
GROUP BY events.id
ORDER BY abs(julianday(events.start_time) - julianday(:now)), events.id
LIMIT :most;
