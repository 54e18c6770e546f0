-- name: get_admission(event_id, user_id)^
-- What decides whether a user may come to an event, which is named by ID or code. `can_return` is 1 for a user who left: not
-- one whom a host removed.
SELECT
    events.id AS event_id,
    events.status AS event_status,
    events.visibility,
    events.end_time,
    events.waitlist,
    events.approval_required,
    events.max_guests,
    events.registration_opens_at,
    events.registration_closes_at,
    :user_id AS user_id,
    CASE
        WHEN events.organizer_id = :user_id THEN 'organizer'
        WHEN EXISTS (
            SELECT 1
            FROM event_hosts
            WHERE event_hosts.event_id = events.id AND event_hosts.user_id = :user_id
        ) THEN 'host'
        WHEN registrations.status <> 'cancelled' THEN 'participant'
    END AS role,
    coalesce(
        registrations.status = 'cancelled' AND coalesce(registrations.cancelled_by, 'self') = 'self', 0
    ) AS can_return,
    EXISTS (
        SELECT 1
        FROM user_blocks
        WHERE user_blocks.blocked_id = :user_id
            AND (
                user_blocks.user_id = events.organizer_id
                OR user_blocks.user_id IN (
                    SELECT event_hosts.user_id
                    FROM event_hosts
                    WHERE event_hosts.event_id = events.id
                )
            )
    ) AS is_blocked,
    rsvps.answer,
    registrations.status
FROM events
LEFT JOIN registrations ON registrations.event_id = events.id AND registrations.user_id = :user_id
LEFT JOIN rsvps ON rsvps.event_id = events.id AND rsvps.user_id = :user_id
WHERE (events.id = :event_id OR events.code = :event_id)
    AND NOT EXISTS (SELECT 1 FROM ending_events WHERE ending_events.id = events.id);

-- name: create_registration(event_id, user_id, status, guests, guest_names, approved, now)!
INSERT INTO registrations (event_id, user_id, status, guests, guest_names, approved, registration_date)
VALUES (:event_id, :user_id, :status, :guests, :guest_names, :approved, :now);

-- name: get_registration(event_id, user_id)^
SELECT
    event_id,
    user_id,
    status,
    registration_date,
    CASE
        WHEN status = 'waitlisted' AND approved = 1 THEN (
            SELECT count(*)
            FROM registrations AS line
            WHERE line.event_id = registrations.event_id
                AND line.status = 'waitlisted'
                AND line.approved = 1
                AND line.seq <= registrations.seq
        )
    END AS waitlist_position,
    guests,
    guest_names,
    approved
FROM registrations
WHERE event_id = :event_id AND user_id = :user_id;

-- name: forget_cancelled(event_id, user_id)!
-- A user who registers again goes to the end of the list.
DELETE FROM registrations
WHERE event_id = :event_id AND user_id = :user_id AND status = 'cancelled';

-- name: list_participants(event_id, after, status, approved, limit)^
-- In the order of registration, as JSON: twice as fast as one object per row. The waiting list is numbered by itself
-- and merged in. A limit of -1 means no limit.
SELECT
    json_group_array(json_object(
        'event_id', event_id,
        'user_id', user_id,
        'status', status,
        'registration_date', registration_date,
        'waitlist_position', waitlist_position,
        'guests', guests,
        'guest_names', json(guest_names),
        'approved', json(iif(approved, 'true', 'false'))
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
        NULL AS waitlist_position,
        guests,
        guest_names,
        approved
    FROM registrations
    WHERE event_id = :event_id
        AND seq > :after
        AND (status <> 'waitlisted' OR approved = 0)
        AND CASE WHEN :status IS NULL THEN status <> 'cancelled' ELSE status = :status END
        AND (:approved IS NULL OR approved = :approved)
    UNION ALL
    SELECT
        seq,
        event_id,
        user_id,
        status,
        registration_date,
        position,
        guests,
        guest_names,
        1
    FROM (
        SELECT
            seq,
            event_id,
            user_id,
            status,
            registration_date,
            row_number() OVER (ORDER BY seq) AS position,
            guests,
            guest_names
        FROM registrations
        WHERE event_id = :event_id AND status = 'waitlisted' AND approved = 1
    )
    WHERE seq > :after AND (:status IS NULL OR :status = 'waitlisted') AND (:approved IS NULL OR :approved = 1)
    ORDER BY seq
    LIMIT :limit
);

-- name: has_participants_after(event_id, after, status, approved)^
SELECT 1 AS found
FROM registrations
WHERE event_id = :event_id
    AND seq > :after
    AND CASE WHEN :status IS NULL THEN status <> 'cancelled' ELSE status = :status END
    AND (:approved IS NULL OR approved = :approved)
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
    status,
    approved,
    guests
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

-- name: update_registration(event_id, user_id, status, guests, guest_names, approved)!
UPDATE registrations
SET
    status = :status,
    guests = :guests,
    guest_names = :guest_names,
    approved = :approved
WHERE event_id = :event_id AND user_id = :user_id;

-- name: cancel_registration(event_id, user_id, cancelled_by)!
UPDATE registrations
SET
    status = 'cancelled',
    cancelled_by = :cancelled_by
WHERE event_id = :event_id AND user_id = :user_id;

-- name: get_card_counts(event_id)^
-- The people whom no counter of the event counts by themselves, and the version of the card.
SELECT
    events.card_version,
    coalesce(sum(1 + guests) FILTER (WHERE registrations.status = 'attended'), 0) AS attended,
    coalesce(sum(1 + guests) FILTER (WHERE registrations.status = 'cancelled'), 0) AS cancelled,
    coalesce(sum(guests) FILTER (WHERE registrations.status IN ('registered', 'attended')), 0) AS guests
FROM events
LEFT JOIN registrations ON registrations.event_id = events.id
WHERE events.id = :event_id
GROUP BY events.id;

-- name: list_first_names(event_id, limit)
-- The names of users with a seat, with their guests, in the order of registration.
SELECT
    users.username,
    users.first_name,
    users.last_name,
    registrations.guests
FROM registrations
JOIN users ON users.id = registrations.user_id
WHERE registrations.event_id = :event_id
    AND registrations.status IN ('registered', 'attended')
    AND users.closing IS NULL
ORDER BY registrations.seq
LIMIT :limit;
