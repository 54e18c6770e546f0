-- name: get_state(kind, key)^
SELECT value
FROM telegram_bot_state
WHERE kind = :kind AND key = :key;

-- name: list_state(kind)
SELECT
    key,
    value
FROM telegram_bot_state
WHERE kind = :kind
ORDER BY key;

-- name: put_state(kind, key, user_id, value, now)!
-- Nothing is kept about a user who is deleted.
INSERT INTO telegram_bot_state (kind, key, user_id, value, updated_at)
SELECT
    :kind,
    :key,
    :user_id,
    :value,
    :now
WHERE :user_id IS NULL OR EXISTS (SELECT 1 FROM eventorg_users WHERE id = :user_id)
ON CONFLICT (kind, key) DO UPDATE
SET
    user_id = coalesce(excluded.user_id, user_id),
    value = excluded.value,
    updated_at = excluded.updated_at;

-- name: delete_state(kind, key)!
DELETE FROM telegram_bot_state
WHERE kind = :kind AND key = :key;

-- name: list_state_of(user_id)
SELECT
    kind,
    value
FROM telegram_bot_state
WHERE user_id = :user_id
ORDER BY kind, key;

-- name: move_state(gone_id, stays_id)!
UPDATE telegram_bot_state
SET user_id = :stays_id
WHERE user_id = :gone_id;

-- name: delete_old_dialogs(before)!
DELETE FROM telegram_bot_state
WHERE kind IN ('dialog', 'cohost', 'ask') AND updated_at < :before;
