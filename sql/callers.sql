-- name: get_revocations()^
SELECT count
FROM revocations;

-- name: get_bot_by_token(token_sha256)^
SELECT
    name,
    scopes
FROM bots
WHERE token_sha256 = :token_sha256 AND revoked_at IS NULL;

-- name: touch_bot(name, now)!
UPDATE bots
SET last_used_at = :now
WHERE name = :name;
