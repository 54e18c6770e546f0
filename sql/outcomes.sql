-- name: get_outcome(caller, key, since)^
SELECT
    fingerprint,
    result,
    refusal
FROM outcomes
WHERE caller = :caller AND key = :key AND at >= :since;

-- name: keep_outcome(caller, key, fingerprint, user_id, result, refusal, now)!
-- A row that is still there has outlived its day; a user that has gone keeps none.
INSERT INTO outcomes (caller, key, fingerprint, user_id, at, result, refusal)
SELECT :caller, :key, :fingerprint, :user_id, :now, :result, :refusal
WHERE :user_id IS NULL OR EXISTS (SELECT 1 FROM users WHERE id = :user_id)
ON CONFLICT (caller, key) DO UPDATE
SET
    fingerprint = excluded.fingerprint,
    user_id = excluded.user_id,
    at = excluded.at,
    result = excluded.result,
    refusal = excluded.refusal;

-- name: list_outcomes_of(user_id)
SELECT
    key,
    at,
    result,
    refusal
FROM outcomes
WHERE user_id = :user_id
ORDER BY at, key;

-- name: pass_on_outcomes(user_id, heir_id)!
-- What the heir has done under the same key stays.
UPDATE outcomes
SET
    caller = replace(caller, ':' || :user_id, ':' || :heir_id),
    user_id = :heir_id
WHERE user_id = :user_id
    AND NOT EXISTS (
        SELECT 1
        FROM outcomes AS kept
        WHERE kept.caller = replace(outcomes.caller, ':' || :user_id, ':' || :heir_id) AND kept.key = outcomes.key
    );

-- name: forget_outcomes(before, most)!
DELETE FROM outcomes
WHERE (caller, key) IN (
    SELECT caller, key
    FROM outcomes
    WHERE at < :before
    ORDER BY at
    LIMIT :most
);
