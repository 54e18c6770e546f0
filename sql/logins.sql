-- name: get_login(user_id, token_id)^
SELECT
    token_version,
    locale,
    EXISTS (SELECT 1 FROM ended_logins WHERE token_id = :token_id) AS has_ended
FROM users
WHERE id = :user_id AND closing IS NULL;

-- name: end_login(token_id, user_id, expires_at)!
INSERT INTO ended_logins (token_id, user_id, expires_at)
VALUES (:token_id, :user_id, :expires_at)
ON CONFLICT (token_id) DO NOTHING;

-- name: end_all_logins(user_id)!
UPDATE users
SET token_version = token_version + 1
WHERE id = :user_id;

-- name: list_ended_logins_of(user_id)
SELECT
    token_id,
    expires_at
FROM ended_logins
WHERE user_id = :user_id
ORDER BY expires_at, token_id;

-- name: forget_ended_logins(before, limit)!
DELETE FROM ended_logins
WHERE token_id IN (
    SELECT token_id
    FROM ended_logins
    WHERE expires_at < :before
    ORDER BY expires_at
    LIMIT :limit
);

-- name: delete_ended_logins_of(user_id, limit)!
DELETE FROM ended_logins
WHERE token_id IN (SELECT ended.token_id FROM ended_logins AS ended WHERE ended.user_id = :user_id LIMIT :limit);
