-- name: list_events_of(user_id, role, after_time, after_id, start_to, limit)
-- The events that a user organizes, co-hosts, or has registered for, by start time and ID after a place. Each is listed
-- once, with the first of these roles. Without a role, all of them.
SELECT
    events.id,
    events.code,
    events.title,
    events.start_time,
    page.role,
    (
        SELECT registrations.status
        FROM registrations
        WHERE registrations.user_id = :user_id
            AND registrations.event_id = events.id
            AND registrations.status <> 'cancelled'
    ) AS status,
    events.status AS event_status
FROM (
    SELECT
        start_time,
        id,
        'organizer' AS role
    FROM events
    WHERE organizer_id = :user_id
        AND coalesce(:role, 'organizer') = 'organizer'
        AND (start_time, id) > (:after_time, :after_id)
        AND start_time < coalesce(:start_to, '9')
        AND id NOT IN (SELECT id FROM ending_events)
    UNION ALL
    SELECT
        events.start_time,
        events.id,
        'host'
    FROM event_hosts
    JOIN events ON events.id = event_hosts.event_id
    WHERE event_hosts.user_id = :user_id
        AND coalesce(:role, 'host') = 'host'
        AND (events.start_time, events.id) > (:after_time, :after_id)
        AND events.start_time < coalesce(:start_to, '9')
        AND events.id NOT IN (SELECT id FROM ending_events)
    UNION ALL
    SELECT
        events.start_time,
        events.id,
        'participant'
    FROM registrations
    JOIN events ON events.id = registrations.event_id
    WHERE registrations.user_id = :user_id
        AND registrations.status <> 'cancelled'
        AND coalesce(:role, 'participant') = 'participant'
        AND (events.start_time, events.id) > (:after_time, :after_id)
        AND events.start_time < coalesce(:start_to, '9')
        AND events.organizer_id <> :user_id
        AND NOT EXISTS (
            SELECT 1
            FROM event_hosts
            WHERE event_hosts.event_id = events.id AND event_hosts.user_id = :user_id
        )
        AND events.id NOT IN (SELECT id FROM ending_events)
    ORDER BY start_time, id
    LIMIT :limit
) AS page
JOIN events ON events.id = page.id
ORDER BY page.start_time, page.id;
