-- name: get_idempotency_record(owner, key, since)^
SELECT
    fingerprint,
    result,
    refusal,
    language
FROM idempotency_records
WHERE owner = :owner AND key = :key AND at >= :since;

-- name: save_idempotency_record(owner, key, fingerprint, user_id, result, refusal, language, now)!
-- Replaces a record that is older than a day. Stores nothing for a user who no longer exists.
INSERT INTO idempotency_records (owner, key, fingerprint, user_id, at, result, refusal, language)
SELECT :owner, :key, :fingerprint, :user_id, :now, :result, :refusal, :language
WHERE :user_id IS NULL OR EXISTS (SELECT 1 FROM users WHERE id = :user_id AND closing IS NULL)
ON CONFLICT (owner, key) DO UPDATE
SET
    fingerprint = excluded.fingerprint,
    user_id = excluded.user_id,
    at = excluded.at,
    result = excluded.result,
    refusal = excluded.refusal,
    language = excluded.language;

-- name: list_idempotency_records_of(user_id)
SELECT
    key,
    at,
    result,
    refusal
FROM idempotency_records
WHERE user_id = :user_id
ORDER BY at, key;

-- name: reassign_idempotency_records(user_id, stays_id, limit)!
-- A record of the user who stays under the same key stays.
UPDATE idempotency_records
SET
    owner = replace(owner, ':' || :user_id, ':' || :stays_id),
    user_id = :stays_id
WHERE (owner, key) IN (
    SELECT
        given.owner,
        given.key
    FROM idempotency_records AS given
    WHERE given.user_id = :user_id
        AND NOT EXISTS (
            SELECT 1
            FROM idempotency_records AS own
            WHERE own.owner = replace(given.owner, ':' || :user_id, ':' || :stays_id) AND own.key = given.key
        )
    LIMIT :limit
);

-- name: delete_idempotency_records(before, limit)!
-- Deletes the oldest records.
DELETE FROM idempotency_records
WHERE (owner, key) IN (
    SELECT owner, key
    FROM idempotency_records
    WHERE at < :before
    ORDER BY at
    LIMIT :limit
);
