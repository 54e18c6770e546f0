-- name: get_revocations()^
SELECT count
FROM revocations;

-- name: forget_callers()!
-- Makes every process read its callers again.
UPDATE revocations
SET count = count + 1;

-- name: get_bot_by_token(token_sha256)^
-- Also one that is revoked.
SELECT
    name,
    scopes,
    revoked_at
FROM bots
WHERE token_sha256 = :token_sha256;

-- name: touch_bot(name, now)!
UPDATE bots
SET last_used_at = :now
WHERE name = :name;
