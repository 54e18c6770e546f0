-- name: list_due(now, grace, horizon, usual, mail, most)
-- The reminders that are due: for each user and event the due one nearest to the start. A reminder that was due before
-- the user registered counts only if no other follows.
WITH wanted AS (
    SELECT
        events.id AS event_id,
        registrations.user_id,
        events.start_time,
        events.end_time,
        events.title,
        events.location,
        events.timezone,
        contacts.timezone AS user_timezone,
        registrations.registration_date,
        strftime('%Y-%m-%dT%H:%M:%SZ', events.start_time, '-' || before.value || ' seconds') AS due_at
    FROM eventorg_events AS events
    JOIN eventorg_registrations AS registrations
        ON registrations.event_id = events.id AND registrations.status = 'registered'
    JOIN eventorg_contacts AS contacts ON contacts.user_id = registrations.user_id
    LEFT JOIN reminders_event_offsets ON reminders_event_offsets.event_id = events.id
    LEFT JOIN reminders_user_offsets ON reminders_user_offsets.user_id = registrations.user_id
    JOIN json_each(coalesce(reminders_user_offsets.offsets, reminders_event_offsets.offsets, :usual)) AS before
    WHERE events.visibility IN ('public', 'unlisted', 'private') -- all values, so that the index is used
        AND events.status = 'published'
        AND events.start_time > :grace
        AND events.start_time <= :horizon
        AND events.end_time > :now
        AND (contacts.channel = 'telegram' OR :mail)
)
SELECT
    event_id,
    user_id,
    start_time,
    end_time,
    title,
    location,
    timezone,
    user_timezone,
    max(CASE WHEN due_at <= :now THEN due_at END) AS latest
FROM wanted
GROUP BY event_id, user_id
HAVING latest IS NOT NULL
    AND (start_time > :now OR latest > :grace)
    AND (latest >= registration_date OR latest = max(due_at))
    AND NOT EXISTS (
        SELECT 1
        FROM reminders_made AS made
        WHERE made.event_id = wanted.event_id
            AND made.user_id = wanted.user_id
            AND made.start_time = wanted.start_time
            AND made.due_at >= latest
    )
LIMIT :most;

-- name: remember_made(event_id, user_id, start_time, due_at)!
-- Does nothing if the user is no longer registered for the event.
INSERT INTO reminders_made (event_id, user_id, start_time, due_at)
SELECT
    event_id,
    user_id,
    :start_time,
    :due_at
FROM eventorg_registrations
WHERE event_id = :event_id AND user_id = :user_id
ON CONFLICT (event_id, user_id) DO UPDATE
SET
    start_time = excluded.start_time,
    due_at = excluded.due_at;

-- name: move_made(gone_id, stays_id)!
-- Of two reminders for one event, the newer one counts.
INSERT INTO reminders_made (event_id, user_id, start_time, due_at)
SELECT
    event_id,
    :stays_id,
    start_time,
    due_at
FROM reminders_made
WHERE user_id = :gone_id
ON CONFLICT (event_id, user_id) DO UPDATE
SET
    start_time = excluded.start_time,
    due_at = excluded.due_at
WHERE excluded.due_at > due_at;

-- name: forget_made(before, most)!
DELETE FROM reminders_made
WHERE (event_id, user_id) IN (
    SELECT
        event_id,
        user_id
    FROM reminders_made
    WHERE start_time < :before
    LIMIT :most
);

-- name: get_notice(event_id, user_id)^
-- What decides about a message and its text, as of now.
SELECT
    events.title,
    events.start_time,
    events.end_time,
    events.location,
    events.timezone,
    events.status AS event_status,
    events.approval_required,
    users.timezone AS user_timezone,
    registrations.status,
    registrations.approved,
    EXISTS (
        SELECT 1
        FROM eventorg_rsvps AS rsvps
        WHERE rsvps.event_id = events.id AND rsvps.user_id = users.id AND rsvps.answer = 'maybe'
    ) AS is_maybe,
    coalesce(registrations.status <> 'cancelled', 0) OR EXISTS (
        SELECT 1
        FROM eventorg_rsvps AS rsvps
        WHERE rsvps.event_id = events.id AND rsvps.user_id = users.id AND rsvps.answer = 'maybe'
    ) AS is_interested,
    EXISTS (
        SELECT 1
        FROM eventorg_hosts AS hosts
        WHERE hosts.event_id = events.id AND hosts.user_id = users.id
    ) AS hosts,
    made.start_time AS reminded_start_time,
    made.due_at AS reminded_at
FROM eventorg_events AS events
JOIN eventorg_users AS users ON users.id = :user_id
LEFT JOIN eventorg_registrations AS registrations
    ON registrations.event_id = events.id AND registrations.user_id = users.id
LEFT JOIN reminders_made AS made ON made.event_id = events.id AND made.user_id = users.id
WHERE events.id = :event_id;
