-- name: block_user(user_id)!
INSERT INTO reminders_blocks (user_id, seq)
SELECT
    :user_id,
    coalesce(max(seq), 0)
FROM changes
WHERE true
ON CONFLICT (user_id) DO UPDATE
SET seq = excluded.seq;

-- name: get_block_ended_by(seq)^
-- The user who brought a change about, if it was blocked before.
SELECT reminders_blocks.user_id
FROM changes
JOIN reminders_blocks ON reminders_blocks.user_id = changes.actor_id
WHERE changes.seq = :seq AND reminders_blocks.seq < changes.seq;

-- name: list_ends_of_blocks(first, last)
-- The changes of a stretch that were brought about by a user who was blocked before.
SELECT changes.seq
FROM changes
CROSS JOIN reminders_blocks ON reminders_blocks.user_id = changes.actor_id
WHERE changes.seq BETWEEN :first AND :last AND reminders_blocks.seq < changes.seq;

-- name: get_block(user_id)^
SELECT seq
FROM reminders_blocks
WHERE user_id = :user_id;

-- name: unblock_user(user_id)!
DELETE FROM reminders_blocks
WHERE user_id = :user_id;
