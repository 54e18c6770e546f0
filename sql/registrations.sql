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
-- Whoever comes back goes to the end: the old place is given up.
DELETE FROM registrations
WHERE event_id = :event_id AND user_id = :user_id AND status = 'cancelled';

-- name: list_participants(event_id, after, status, limit)
-- In the order they registered; positions go on from those ahead of the page. A limit of -1 is none.
SELECT
    page.seq,
    page.event_id,
    page.user_id,
    page.status,
    page.registration_date,
    CASE page.status
        WHEN 'waitlisted' THEN sum(page.status = 'waitlisted') OVER (ORDER BY page.seq) + (
            SELECT count(*)
            FROM registrations AS ahead
            WHERE ahead.event_id = :event_id AND ahead.status = 'waitlisted' AND ahead.seq <= :after
        )
    END AS waitlist_position
FROM (
    SELECT
        seq,
        event_id,
        user_id,
        status,
        registration_date
    FROM registrations
    WHERE event_id = :event_id
        AND seq > :after
        AND CASE WHEN :status IS NULL THEN status <> 'cancelled' ELSE status = :status END
    ORDER BY seq
    LIMIT :limit
) AS page
ORDER BY page.seq;

-- name: list_registrations_of(user_id)
SELECT
    event_id,
    status
FROM registrations
WHERE user_id = :user_id
ORDER BY seq;

-- name: delete_registration(event_id, user_id)!
DELETE FROM registrations
WHERE event_id = :event_id AND user_id = :user_id;

-- name: set_registration_status(event_id, user_id, status)!
UPDATE registrations
SET status = :status
WHERE event_id = :event_id AND user_id = :user_id;

-- name: count_participants(event_id)^
SELECT
    count(*) FILTER (WHERE status = 'registered') AS registered,
    count(*) FILTER (WHERE status = 'waitlisted') AS waitlisted,
    count(*) FILTER (WHERE status = 'attended') AS attended,
    count(*) FILTER (WHERE status = 'cancelled') AS cancelled
FROM registrations
WHERE event_id = :event_id;

-- name: list_first_names(event_id, most)
-- Who has a seat, in the order they registered.
SELECT
    users.username,
    users.first_name,
    users.last_name
FROM registrations
JOIN users ON users.id = registrations.user_id
WHERE registrations.event_id = :event_id AND registrations.status IN ('registered', 'attended')
ORDER BY registrations.seq
LIMIT :most;
