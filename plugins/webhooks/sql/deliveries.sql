-- name: get_event_state(event_id)^
-- The event as a message shows it: everything but the description. No row for an event that is being deleted.
SELECT
    id,
    code,
    title,
    start_time,
    end_time,
    timezone,
    location,
    organizer_id,
    status,
    visibility,
    capacity,
    registered_count,
    waitlisted_count,
    version
FROM eventorg_events
WHERE id = :event_id;

-- name: enqueue(id, webhook_id, seq, from_seq, type, event_id, body, created_at, now)!
INSERT INTO webhooks_deliveries (
    id,
    webhook_id,
    seq,
    from_seq,
    type,
    event_id,
    body,
    created_at,
    status,
    due_at,
    attempts,
    replays
)
VALUES (:id, :webhook_id, :seq, :from_seq, :type, :event_id, :body, :created_at, 'pending', :now, 0, 0)
ON CONFLICT (webhook_id, seq) DO NOTHING;

-- name: list_changes_behind(seq, most)
SELECT
    seq,
    at,
    type,
    event_id,
    user_id,
    data
FROM eventorg_changes
WHERE seq > :seq
ORDER BY seq
LIMIT :most;

-- name: take_replaceable(webhook_id, event_id, since, now)
-- Deletes the waiting messages about changed fields of the event, and returns what a newer one takes over. Not the
-- message that is next, because it may be on its way, and not one that has waited since before :since, so that it is
-- sent.
DELETE FROM webhooks_deliveries
WHERE
    webhook_id = :webhook_id
    AND event_id = :event_id
    AND status = 'pending'
    AND from_seq IS NOT NULL
    AND attempts = 0
    AND replays = 0
    AND created_at >= :since
    AND number <> (
        SELECT next.number
        FROM webhooks_deliveries AS next
        WHERE next.webhook_id = :webhook_id AND next.due_at <= :now
        ORDER BY next.due_at, next.number
        LIMIT 1
    )
RETURNING
    from_seq,
    created_at,
    body;

-- name: get_due(webhook_id, now)^
-- The next message to send, with the URL and the secret; none if the webhook may not send.
SELECT
    webhooks_deliveries.id,
    webhooks_deliveries.body,
    webhooks_deliveries.attempts,
    webhooks_deliveries.replays,
    webhooks_endpoints.id AS webhook_id,
    webhooks_endpoints.url,
    webhooks_endpoints.secret
FROM webhooks_deliveries
INNER JOIN webhooks_endpoints ON webhooks_endpoints.id = webhooks_deliveries.webhook_id
WHERE
    webhooks_deliveries.webhook_id = :webhook_id
    AND webhooks_deliveries.due_at <= :now
    AND webhooks_endpoints.disabled_at IS NULL
    AND EXISTS (SELECT 1 FROM webhooks_entitled WHERE webhooks_entitled.id = webhooks_endpoints.id)
ORDER BY webhooks_deliveries.due_at, webhooks_deliveries.number
LIMIT 1;

-- name: note_attempt(id, replays, status, due_at, now, response_status, error, milliseconds)!
-- Changes nothing if the message was replayed in the meantime.
UPDATE webhooks_deliveries
SET
    status = :status,
    due_at = :due_at,
    attempts = attempts + 1,
    attempted_at = :now,
    response_status = :response_status,
    error = :error,
    milliseconds = :milliseconds
WHERE id = :id AND replays = :replays;

-- name: list_deliveries(webhook_id, before, most)
SELECT
    number,
    id,
    seq,
    type,
    event_id,
    status,
    attempts,
    created_at,
    attempted_at,
    due_at,
    response_status,
    error,
    milliseconds
FROM webhooks_deliveries
WHERE webhook_id = :webhook_id AND number < :before
ORDER BY number DESC
LIMIT :most;

-- name: replay(id, webhook_id, now)^
-- Of one webhook, or of any webhook if :webhook_id is null.
UPDATE webhooks_deliveries
SET
    status = 'pending',
    due_at = :now,
    attempts = 0,
    replays = replays + 1
WHERE id = :id AND (:webhook_id IS NULL OR webhook_id = :webhook_id)
RETURNING
    webhook_id,
    id,
    seq,
    type,
    event_id,
    status,
    attempts,
    created_at,
    attempted_at,
    due_at,
    response_status,
    error,
    milliseconds;

-- name: replay_since(since, webhook_id, failed_only, now)!
UPDATE webhooks_deliveries
SET
    status = 'pending',
    due_at = :now,
    attempts = 0,
    replays = replays + 1
WHERE
    created_at >= :since
    AND (:webhook_id IS NULL OR webhook_id = :webhook_id)
    AND (:failed_only = 0 OR status = 'failed');

-- name: forget_deliveries(before, most)!
-- Finished ones that are old. Waiting ones that are old if their webhook is disabled.
DELETE FROM webhooks_deliveries
WHERE number IN (
    SELECT number
    FROM webhooks_deliveries
    WHERE created_at < :before
        AND (
            status <> 'pending'
            OR EXISTS (
                SELECT 1
                FROM webhooks_endpoints
                WHERE webhooks_endpoints.id = webhooks_deliveries.webhook_id
                    AND webhooks_endpoints.disabled_at IS NOT NULL
            )
        )
    LIMIT :most
);

-- name: note_deleted_event(event_id)!
INSERT INTO webhooks_deleted_events (event_id)
VALUES (:event_id)
ON CONFLICT (event_id) DO NOTHING;

-- name: list_deleted_events(after, most)
SELECT event_id
FROM webhooks_deleted_events
WHERE event_id > :after
ORDER BY event_id
LIMIT :most;

-- name: forget_deliveries_of_event(event_id, most)!
-- Finished ones of a deleted event. `event.deleted` stays: it contains no event.
DELETE FROM webhooks_deliveries
WHERE number IN (
    SELECT number
    FROM webhooks_deliveries
    WHERE event_id = :event_id AND type <> 'event.deleted' AND status <> 'pending'
    LIMIT :most
);

-- name: forget_deleted_event(event_id)!
-- Does nothing while messages about it wait.
DELETE FROM webhooks_deleted_events
WHERE
    event_id = :event_id
    AND NOT EXISTS (
        SELECT 1
        FROM webhooks_deliveries
        WHERE event_id = :event_id AND type <> 'event.deleted'
    );
