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

-- name: count_move(user_id, event_id, seq, at)!
-- Counts each change of a registration once. Nothing happens for a user or an event that has been deleted.
INSERT INTO calendar_export_moves (user_id, event_id, moves, moved_at, seq)
SELECT
    users.id,
    events.id,
    1,
    :at,
    :seq
FROM eventorg_users AS users
JOIN eventorg_events AS events ON events.id = :event_id
WHERE users.id = :user_id
ON CONFLICT (user_id, event_id) DO UPDATE
SET
    moves = moves + 1,
    moved_at = excluded.moved_at,
    seq = excluded.seq
WHERE excluded.seq > calendar_export_moves.seq;

-- name: list_moves(user_id)
SELECT
    event_id,
    moves,
    moved_at
FROM calendar_export_moves
WHERE user_id = :user_id
ORDER BY event_id;

-- name: list_entries(user_id, since, now, most)
-- The events that a user hosts or attends and that end at or after :since. If there are more than :most, first those
-- that the user organizes or registered for, because anybody can make the user a co-host; of each kind, those that start
-- nearest to :now. A host is never on the waiting list. The changes that the plugin has not handled yet count as moves.
WITH moved AS (
    SELECT
        event_id,
        sum(moves) AS moves,
        max(moved_at) AS moved_at
    FROM (
        SELECT
            event_id,
            moves,
            moved_at
        FROM calendar_export_moves
        WHERE user_id = :user_id
        UNION ALL
        SELECT
            changes.event_id,
            1,
            changes.at
        FROM eventorg_changes AS changes
        LEFT JOIN calendar_export_moves
            ON calendar_export_moves.user_id = changes.user_id AND calendar_export_moves.event_id = changes.event_id
        WHERE changes.seq > (SELECT seq FROM eventorg_positions WHERE plugin = 'calendar_export')
            AND changes.seq > coalesce(calendar_export_moves.seq, 0)
            AND changes.user_id = :user_id
            AND changes.type IN ('registration.promoted', 'registration.cancelled')
    )
    GROUP BY event_id
),
mine AS (
    SELECT
        event_id,
        0 AS waitlisted,
        role = 'host' AS is_given
    FROM eventorg_hosts
    WHERE user_id = :user_id
    UNION ALL
    SELECT
        event_id,
        status = 'waitlisted',
        0
    FROM eventorg_registrations
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
    events.shown_version AS version,
    events.created_at,
    coalesce(events.shown_at, events.created_at) AS updated_at,
    min(mine.waitlisted) AS waitlisted,
    coalesce(moved.moves, 0) AS moves,
    moved.moved_at
FROM mine
JOIN eventorg_events AS events ON events.id = mine.event_id
LEFT JOIN moved ON moved.event_id = mine.event_id
WHERE events.end_time >= :since
GROUP BY events.id
ORDER BY min(mine.is_given), abs(julianday(events.start_time) - julianday(:now)), events.id
LIMIT :most;

-- name: get_shown(event_id)^
-- How often, and when last, what an entry shows of an event has changed.
SELECT
    shown_version AS version,
    coalesce(shown_at, created_at) AS updated_at
FROM eventorg_events
WHERE id = :event_id;

-- name: merge_moves(gone_id, stays_id)!
INSERT INTO calendar_export_moves (user_id, event_id, moves, moved_at, seq)
SELECT
    :stays_id,
    event_id,
    moves,
    moved_at,
    seq
FROM calendar_export_moves
WHERE user_id = :gone_id
ON CONFLICT (user_id, event_id) DO UPDATE
SET
    moves = max(moves, excluded.moves),
    moved_at = max(moved_at, excluded.moved_at),
    seq = max(seq, excluded.seq);
