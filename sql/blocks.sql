-- name: create_block(user_id, blocked_id, now)^
-- No row if the user is blocked already.
INSERT INTO user_blocks (user_id, blocked_id, created_at)
VALUES (:user_id, :blocked_id, :now)
ON CONFLICT (user_id, blocked_id) DO NOTHING
RETURNING
    blocked_id AS user_id,
    created_at;

-- name: get_block(user_id, blocked_id)^
SELECT
    blocked_id AS user_id,
    created_at
FROM user_blocks
WHERE user_id = :user_id AND blocked_id = :blocked_id;

-- name: delete_block(user_id, blocked_id)!
DELETE FROM user_blocks
WHERE user_id = :user_id AND blocked_id = :blocked_id;

-- name: list_blocks(user_id, after, limit)
-- By the ID of the blocked user, an order without meaning that does not change. A limit of -1 means no limit.
SELECT
    blocked_id AS user_id,
    created_at
FROM user_blocks
WHERE user_id = :user_id AND blocked_id > :after
ORDER BY blocked_id
LIMIT :limit;

-- name: list_blocks_to_move(user_id, limit)
-- The blocks by a user and of a user.
SELECT
    user_id,
    blocked_id,
    created_at
FROM user_blocks
WHERE user_id = :user_id
UNION ALL
SELECT
    user_id,
    blocked_id,
    created_at
FROM user_blocks
WHERE blocked_id = :user_id
LIMIT :limit;

-- name: delete_blocks_by(user_id, limit)!
DELETE FROM user_blocks
WHERE user_id = :user_id
    AND blocked_id IN (SELECT kept.blocked_id FROM user_blocks AS kept WHERE kept.user_id = :user_id LIMIT :limit);

-- name: delete_blocks_of(user_id, limit)!
DELETE FROM user_blocks
WHERE blocked_id = :user_id
    AND user_id IN (SELECT kept.user_id FROM user_blocks AS kept WHERE kept.blocked_id = :user_id LIMIT :limit);
