-- name: mark_unreachable(user_id)!
INSERT INTO reminders_unreachable (user_id, seq)
SELECT
    :user_id,
    coalesce(max(seq), 0)
FROM changes
WHERE true
ON CONFLICT (user_id) DO UPDATE
SET seq = excluded.seq;

-- name: get_unreachable_actor(seq)^
-- The user who made a change after a bot had reported that user unreachable.
SELECT reminders_unreachable.user_id
FROM changes
JOIN reminders_unreachable ON reminders_unreachable.user_id = changes.actor_id
WHERE changes.seq = :seq AND reminders_unreachable.seq < changes.seq;

-- name: list_changes_by_unreachable(first, last)
-- Of a range of changes, those that users made after a bot had reported them unreachable.
SELECT changes.seq
FROM changes
CROSS JOIN reminders_unreachable ON reminders_unreachable.user_id = changes.actor_id
WHERE changes.seq BETWEEN :first AND :last AND reminders_unreachable.seq < changes.seq;

-- name: get_unreachable(user_id)^
SELECT seq
FROM reminders_unreachable
WHERE user_id = :user_id;

-- name: mark_reachable(user_id)!
DELETE FROM reminders_unreachable
WHERE user_id = :user_id;
