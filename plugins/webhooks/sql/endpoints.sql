-- name: create_endpoint(id, event_id, url, types, secret, created_by, after, now)!
INSERT INTO webhooks_endpoints (
    id,
    event_id,
    url,
    types,
    secret,
    created_by,
    created_at,
    after,
    quick
)
VALUES (
    :id,
    :event_id,
    :url,
    :types,
    :secret,
    :created_by,
    :now,
    :after,
    0
);

-- name: list_endpoints()
SELECT
    id,
    event_id,
    url,
    types,
    created_at,
    failing_since,
    disabled_at,
    disabled_reason
FROM webhooks_endpoints
WHERE ended_at IS NULL
ORDER BY created_at, id;

-- name: list_endpoints_of(event_id, after_time, after_id, most)
SELECT
    id,
    event_id,
    url,
    types,
    created_at,
    failing_since,
    disabled_at,
    disabled_reason
FROM webhooks_endpoints
WHERE event_id = :event_id AND ended_at IS NULL AND (created_at, id) > (:after_time, :after_id)
ORDER BY created_at, id
LIMIT :most;

-- name: list_endpoints_made_by(user_id)
SELECT
    id,
    event_id,
    url,
    types,
    created_at,
    failing_since,
    disabled_at,
    disabled_reason
FROM webhooks_endpoints
WHERE created_by = :user_id
ORDER BY created_at, id;

-- name: get_endpoint(id, event_id)^
-- Of one event, or of any event or the operator if :event_id is null.
SELECT
    id,
    event_id,
    url,
    types,
    created_at,
    failing_since,
    disabled_at,
    disabled_reason
FROM webhooks_endpoints
WHERE id = :id AND (:event_id IS NULL OR event_id = :event_id);

-- name: delete_endpoint(id)!
DELETE FROM webhooks_endpoints
WHERE id = :id;

-- name: enable_endpoint(id, after)!
-- Changes made while it was disabled are not sent.
UPDATE webhooks_endpoints
SET
    after = CASE WHEN disabled_at IS NULL THEN after ELSE :after END,
    disabled_at = NULL,
    disabled_reason = NULL,
    failing_since = NULL
WHERE id = :id;

-- name: has_open_endpoints()^
SELECT 1 AS found
FROM webhooks_endpoints
WHERE disabled_at IS NULL AND ended_at IS NULL
LIMIT 1;

-- name: list_receivers(event_id, seq)
-- The webhooks that receive a change: those of its event and the operator's, without those that have a message which
-- covers it.
SELECT
    id,
    types,
    event_id IS NULL AS is_operators
FROM webhooks_endpoints
WHERE
    (event_id IS NULL OR event_id = :event_id)
    AND after < :seq
    AND disabled_at IS NULL
    AND ended_at IS NULL
    AND NOT EXISTS (
        SELECT 1
        FROM webhooks_deliveries
        WHERE webhooks_deliveries.webhook_id = webhooks_endpoints.id
            AND webhooks_deliveries.seq >= :seq
            AND webhooks_deliveries.from_seq <= :seq
            AND webhooks_deliveries.event_id = :event_id
    );

-- name: list_ready(quick, now, most)
-- Webhooks that may send and have due messages, the one that was called longest ago first. Those with waiting messages
-- are found one by one in the index.
WITH RECURSIVE waiting (webhook_id) AS (
    SELECT min(webhook_id) FROM webhooks_deliveries WHERE due_at IS NOT NULL
    UNION ALL
    SELECT (
        SELECT min(later.webhook_id)
        FROM webhooks_deliveries AS later
        WHERE later.due_at IS NOT NULL AND later.webhook_id > waiting.webhook_id
    )
    FROM waiting
    WHERE waiting.webhook_id IS NOT NULL
)

SELECT webhooks_endpoints.id
FROM waiting
CROSS JOIN webhooks_endpoints ON webhooks_endpoints.id = waiting.webhook_id
WHERE
    webhooks_endpoints.quick = :quick
    AND webhooks_endpoints.disabled_at IS NULL
    AND EXISTS (SELECT 1 FROM webhooks_entitled WHERE webhooks_entitled.id = webhooks_endpoints.id)
    AND EXISTS (
        SELECT 1
        FROM webhooks_deliveries
        WHERE webhooks_deliveries.webhook_id = webhooks_endpoints.id AND webhooks_deliveries.due_at <= :now
    )
ORDER BY webhooks_endpoints.attempted_at, webhooks_endpoints.created_at, webhooks_endpoints.id
LIMIT :most;

-- name: note_success(id, quick, now)!
UPDATE webhooks_endpoints
SET
    quick = :quick,
    attempted_at = :now,
    failing_since = NULL
WHERE id = :id;

-- name: note_failure(id, now)^
UPDATE webhooks_endpoints
SET
    quick = 0,
    attempted_at = :now,
    failing_since = coalesce(failing_since, :now)
WHERE id = :id
RETURNING failing_since;

-- name: has_many_waiting(id, most)^
-- A row if more than :most messages wait.
SELECT 1 AS found
FROM webhooks_deliveries
WHERE webhook_id = :id AND due_at IS NOT NULL
LIMIT 1 OFFSET :most;

-- name: turn_off(id, reason, now)!
UPDATE webhooks_endpoints
SET
    disabled_at = :now,
    disabled_reason = :reason
WHERE id = :id AND disabled_at IS NULL;

-- name: end_endpoints(event_id, now)!
UPDATE webhooks_endpoints
SET ended_at = :now
WHERE event_id = :event_id AND ended_at IS NULL;

-- name: remove_endpoints_of_former_host(event_id, user_id)!
-- A former host receives nothing more. If the event has been deleted in the meantime, those who hosted it until then can
-- still read names, as its audience.
DELETE FROM webhooks_endpoints
WHERE
    event_id = :event_id
    AND created_by = :user_id
    AND NOT EXISTS (SELECT 1 FROM eventorg_hosts WHERE event_id = :event_id AND user_id = :user_id)
    AND (
        EXISTS (SELECT 1 FROM eventorg_events WHERE id = :event_id)
        OR NOT EXISTS (
            SELECT 1
            FROM eventorg_audience
            WHERE event_id = :event_id AND user_id = :user_id AND sees_names = 1
        )
    );

-- name: remove_endpoints_of_creator(user_id)!
DELETE FROM webhooks_endpoints
WHERE created_by = :user_id;

-- name: remove_ended()!
DELETE FROM webhooks_endpoints
WHERE
    ended_at IS NOT NULL
    AND NOT EXISTS (
        SELECT 1 FROM webhooks_deliveries WHERE webhook_id = webhooks_endpoints.id AND due_at IS NOT NULL
    );

-- name: reassign_endpoints(gone_id, stays_id)!
UPDATE webhooks_endpoints
SET created_by = :stays_id
WHERE created_by = :gone_id;
