-- name: get_event_offsets(event_id)^
SELECT offsets
FROM reminders_event_offsets
WHERE event_id = :event_id;

-- name: set_event_offsets(event_id, offsets)!
INSERT INTO reminders_event_offsets (event_id, offsets)
VALUES (:event_id, :offsets)
ON CONFLICT (event_id) DO UPDATE
SET offsets = excluded.offsets;

-- name: copy_event_offsets(event_id, copy_id)!
-- A copy that has offsets already, or exists no more, gets none.
INSERT INTO reminders_event_offsets (event_id, offsets)
SELECT
    copies.id,
    originals.offsets
FROM reminders_event_offsets AS originals
JOIN eventorg_events AS copies ON copies.id = :copy_id
WHERE originals.event_id = :event_id
ON CONFLICT (event_id) DO NOTHING;

-- name: get_user_offsets(user_id)^
SELECT offsets
FROM reminders_user_offsets
WHERE user_id = :user_id;

-- name: set_user_offsets(user_id, offsets)!
INSERT INTO reminders_user_offsets (user_id, offsets)
VALUES (:user_id, :offsets)
ON CONFLICT (user_id) DO UPDATE
SET offsets = excluded.offsets;

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
SELECT max(before.value) AS seconds
FROM (
    SELECT :usual AS offsets
    UNION ALL
    SELECT offsets FROM reminders_event_offsets
    UNION ALL
    SELECT offsets FROM reminders_user_offsets
) AS lists
JOIN json_each(lists.offsets) AS before;
