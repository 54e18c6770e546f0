-- name: begin_telling(event_id, is_live, noted_seq)!
-- Changes a row only if the event is new to the plugin. `is_live`: it was not cancelled when a fact happened; if it is
-- now, another fact follows. `noted_seq` is the last change in the log.
INSERT INTO reminders_last_told (event_id, title, start_time, end_time, location, timezone, status, noted_seq)
SELECT
    id,
    title,
    start_time,
    end_time,
    location,
    timezone,
    CASE WHEN :is_live AND status = 'cancelled' THEN 'published' ELSE status END,
    :noted_seq
FROM eventorg_events
WHERE id = :event_id
ON CONFLICT (event_id) DO NOTHING;

-- name: was_noted_after(event_id, seq)^
-- A row if what is noted of an event can contain a change, although nobody was told of that change.
SELECT 1 AS found
FROM reminders_last_told
WHERE event_id = :event_id AND noted_seq >= :seq;

-- name: schedule_news(event_id, seq, at, due_at, latest, has_moved, is_published)!
-- A later change postpones the news, but not for long: `latest` are the seconds since the first change. `has_moved`: the
-- participants are told of a new time or place even if it equals what is noted, unless the event is published later.
INSERT INTO reminders_news (event_id, seq, first_at, due_at, has_moved)
SELECT
    id,
    :seq,
    :at,
    :due_at,
    :has_moved
FROM eventorg_events
WHERE id = :event_id
ON CONFLICT (event_id) DO UPDATE
SET
    seq = excluded.seq,
    has_moved = max(excluded.has_moved, has_moved AND NOT :is_published),
    due_at = min(excluded.due_at, strftime('%Y-%m-%dT%H:%M:%SZ', first_at, '+' || :latest || ' seconds'));

-- name: list_due_news(now, most)
SELECT
    news.event_id,
    news.seq,
    events.title,
    events.start_time,
    events.end_time,
    events.location,
    events.timezone,
    events.status,
    news.has_moved,
    told.start_time AS told_start_time,
    told.end_time AS told_end_time,
    told.location AS told_location,
    told.status AS told_status
FROM reminders_news AS news
JOIN eventorg_events AS events ON events.id = news.event_id
JOIN reminders_last_told AS told ON told.event_id = news.event_id
WHERE news.due_at <= :now
ORDER BY news.due_at, news.seq
LIMIT :most;

-- name: remember_told(event_id, title, start_time, end_time, location, timezone, status)!
-- What was told contains every change from before the event was noted, also those that the plugin has not heard of yet.
UPDATE reminders_last_told
SET
    title = :title,
    start_time = :start_time,
    end_time = :end_time,
    location = :location,
    timezone = :timezone,
    status = :status,
    noted_seq = 0
WHERE event_id = :event_id;

-- name: forget_moves(event_id)!
UPDATE reminders_news
SET has_moved = 0
WHERE event_id = :event_id;

-- name: finish_news(event_id, seq)!
-- Does nothing if the event has changed since.
DELETE FROM reminders_news
WHERE event_id = :event_id AND seq = :seq;

-- name: list_interested(event_id, mail)
-- The reachable people whom the changes of an event concern: its participants, including those who wait, are pending, or
-- were checked in, and then those who answered "maybe".
WITH interested (user_id, seq) AS (
    SELECT user_id, seq
    FROM eventorg_registrations
    WHERE event_id = :event_id AND status IN ('registered', 'waitlisted', 'attended')
    UNION ALL
    SELECT user_id, NULL
    FROM eventorg_rsvps
    WHERE event_id = :event_id AND answer = 'maybe'
)

SELECT
    interested.user_id,
    contacts.timezone AS user_timezone,
    events.title,
    events.start_time,
    events.end_time,
    events.location,
    events.timezone
FROM interested
JOIN eventorg_events AS events ON events.id = :event_id
JOIN eventorg_contacts AS contacts ON contacts.user_id = interested.user_id
WHERE contacts.channel = 'telegram' OR :mail
ORDER BY interested.seq IS NULL, interested.seq;

-- name: get_contact(event_id, user_id, mail)^
-- One reachable user, with the columns of an event.
SELECT
    contacts.user_id,
    contacts.timezone AS user_timezone,
    events.title,
    events.start_time,
    events.end_time,
    events.location,
    events.timezone
FROM eventorg_events AS events
JOIN eventorg_contacts AS contacts ON contacts.user_id = :user_id
WHERE events.id = :event_id
    AND (contacts.channel = 'telegram' OR :mail);

-- name: get_approved(event_id, user_id)^
-- A registration that is approved and waits for a seat, of an event whose hosts approve.
SELECT registrations.seq
FROM eventorg_registrations AS registrations
JOIN eventorg_events AS events ON events.id = registrations.event_id
WHERE registrations.event_id = :event_id
    AND registrations.user_id = :user_id
    AND registrations.status = 'waitlisted'
    AND registrations.approved
    AND events.approval_required;

-- name: list_audience_of_deleted(event_id, seq, mail)
-- The reachable users whom the deletion of a published event concerns, except the one who deleted it. Some of them can
-- still be participants: a large event is deleted in steps.
WITH concerned (user_id) AS (
    SELECT DISTINCT user_id FROM eventorg_audience WHERE seq = :seq
),

deleted AS (
    SELECT title, start_time, end_time, location, timezone, status
    FROM reminders_last_told
    WHERE event_id = :event_id
    UNION ALL
    SELECT title, start_time, end_time, location, timezone, status
    FROM reminders_deleted
    WHERE event_id = :event_id
)

SELECT
    contacts.user_id,
    contacts.timezone AS user_timezone,
    deleted.title,
    deleted.start_time,
    deleted.end_time,
    deleted.location,
    deleted.timezone
FROM concerned
JOIN eventorg_changes AS changes ON changes.seq = :seq
JOIN eventorg_contacts AS contacts ON contacts.user_id = concerned.user_id
CROSS JOIN deleted
WHERE deleted.status = 'published'
    AND deleted.end_time > changes.at
    AND concerned.user_id IS NOT changes.actor_id
    AND (contacts.channel = 'telegram' OR :mail);

-- name: get_deleted(event_id, user_id)^
SELECT
    deleted.title,
    deleted.start_time,
    deleted.end_time,
    deleted.location,
    deleted.timezone,
    users.timezone AS user_timezone
FROM (
    SELECT event_id, title, start_time, end_time, location, timezone
    FROM reminders_deleted
    WHERE event_id = :event_id
    UNION ALL
    SELECT event_id, title, start_time, end_time, location, timezone
    FROM reminders_last_told -- until the last step of the deletion
    WHERE event_id = :event_id
) AS deleted
JOIN eventorg_users AS users ON users.id = :user_id;

-- name: is_by_another(seq)^
-- A row if somebody else did to a user what a change says.
SELECT 1 AS found
FROM eventorg_changes
WHERE seq = :seq AND actor_id IS NOT user_id;

-- name: is_removal(seq)^
-- A row if somebody else ended a registration, and not by making it a "maybe", as when an event is postponed.
SELECT 1 AS found
FROM eventorg_changes AS changes
WHERE changes.seq = :seq
    AND changes.actor_id IS NOT changes.user_id
    AND NOT EXISTS (
        SELECT 1
        FROM eventorg_rsvps AS rsvps
        WHERE rsvps.event_id = changes.event_id AND rsvps.user_id = changes.user_id AND rsvps.answer = 'maybe'
    );

-- name: forget_deleted(before, most)!
DELETE FROM reminders_deleted
WHERE event_id IN (
    SELECT event_id
    FROM reminders_deleted
    WHERE end_time < :before
    LIMIT :most
);
