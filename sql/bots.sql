-- name: create_bot(name, token_sha256, scopes, now)!
-- Replaces a revoked token of the same name.
INSERT INTO bots (name, token_sha256, scopes, created_at, last_used_at, revoked_at)
VALUES (:name, :token_sha256, :scopes, :now, NULL, NULL)
ON CONFLICT (name) DO UPDATE
SET
    token_sha256 = excluded.token_sha256,
    scopes = excluded.scopes,
    created_at = excluded.created_at,
    last_used_at = NULL,
    revoked_at = NULL
WHERE bots.revoked_at IS NOT NULL;

-- name: renew_bot(name, token_sha256, scopes, now)!
INSERT INTO bots (name, token_sha256, scopes, created_at, last_used_at, revoked_at)
VALUES (:name, :token_sha256, :scopes, :now, NULL, NULL)
ON CONFLICT (name) DO UPDATE
SET
    token_sha256 = excluded.token_sha256,
    scopes = excluded.scopes,
    revoked_at = NULL;

-- name: list_bots()
SELECT
    name,
    scopes,
    created_at,
    last_used_at,
    revoked_at
FROM bots
ORDER BY name;

-- name: revoke_bot(name, now)!
UPDATE bots
SET revoked_at = :now
WHERE name = :name AND revoked_at IS NULL;
