-- name: get_event_offsets(event_id)^
SELECT offsets
FROM reminders_event_offsets
WHERE event_id = :event_id;

-- name: set_event_offsets(event_id, offsets)!
INSERT INTO reminders_event_offsets (event_id, offsets, longest)
VALUES (:event_id, :offsets, json_extract(:offsets, '$[0]'))
ON CONFLICT (event_id) DO UPDATE
SET
    offsets = excluded.offsets,
    longest = excluded.longest;

-- name: copy_event_offsets(event_id, copy_id)!
-- A copy that has offsets already, or exists no more, gets none.
INSERT INTO reminders_event_offsets (event_id, offsets, longest)
SELECT
    copies.id,
    originals.offsets,
    originals.longest
FROM reminders_event_offsets AS originals
JOIN eventorg_events AS copies ON copies.id = :copy_id
WHERE originals.event_id = :event_id
ON CONFLICT (event_id) DO NOTHING;

-- name: get_user_offsets(user_id)^
SELECT offsets
FROM reminders_user_offsets
WHERE user_id = :user_id;

-- name: set_user_offsets(user_id, offsets)!
INSERT INTO reminders_user_offsets (user_id, offsets, longest)
VALUES (:user_id, :offsets, json_extract(:offsets, '$[0]'))
ON CONFLICT (user_id) DO UPDATE
SET
    offsets = excluded.offsets,
    longest = excluded.longest;

-- name: delete_user_offsets(user_id)!
DELETE FROM reminders_user_offsets
WHERE user_id = :user_id;

-- name: move_user_offsets(gone_id, stays_id)!
-- Does nothing if both have some.
UPDATE OR IGNORE reminders_user_offsets
SET user_id = :stays_id
WHERE user_id = :gone_id;

-- name: get_longest_offset(usual)^
-- The longest time before a start at which a reminder can be due.
SELECT max(seconds) AS seconds
FROM (
    SELECT json_extract(:usual, '$[0]') AS seconds
    UNION ALL
    SELECT max(longest) FROM reminders_event_offsets
    UNION ALL
    SELECT max(longest) FROM reminders_user_offsets
);
