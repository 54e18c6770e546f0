-- name: create_delivery(delivery_id, dedupe_key, kind, user_id, event_id, start_time, due_at)!
-- Does nothing if it exists, or if the user is no longer registered for the event.
INSERT INTO reminders_deliveries (
    id, dedupe_key, kind, user_id, event_id, start_time, due_at, state, ready_at, holder, attempts
)
SELECT :delivery_id, :dedupe_key, :kind, user_id, event_id, :start_time, :due_at, 'waiting', :due_at, NULL, 0
FROM registrations
WHERE event_id = :event_id AND user_id = :user_id
ON CONFLICT (dedupe_key) DO NOTHING;

-- name: lease_deliveries(holder, channel, now, grace, until, most)
-- Checks the current rows, so that an obsolete delivery is never leased.
UPDATE reminders_deliveries
SET
    state = 'leased',
    ready_at = :until,
    holder = :holder,
    attempts = attempts + 1
WHERE state IN ('waiting', 'leased', 'retry')
    AND ready_at <= :now
    AND seq IN (
        SELECT delivery.seq
        FROM reminders_deliveries AS delivery
        JOIN events ON events.id = delivery.event_id
        JOIN registrations
            ON registrations.event_id = delivery.event_id AND registrations.user_id = delivery.user_id
        JOIN users ON users.id = delivery.user_id
        LEFT JOIN telegram_identities ON telegram_identities.user_id = delivery.user_id
        WHERE delivery.state IN ('waiting', 'leased', 'retry')
            AND delivery.ready_at <= :now
            AND events.end_time > :now
            AND :channel = CASE
                WHEN telegram_identities.telegram_id IS NOT NULL THEN 'telegram'
                WHEN users.email IS NOT NULL THEN 'email'
            END
            AND NOT EXISTS (SELECT 1 FROM reminders_unreachable WHERE reminders_unreachable.user_id = delivery.user_id)
            AND NOT EXISTS ( -- only the newest counts
                SELECT 1
                FROM reminders_deliveries AS newer
                WHERE newer.event_id = delivery.event_id
                    AND newer.user_id = delivery.user_id
                    AND newer.kind = delivery.kind
                    AND newer.seq > delivery.seq
                    AND (delivery.kind <> 'reminder' OR newer.start_time = delivery.start_time)
            )
            AND CASE delivery.kind
                WHEN 'reminder' THEN
                    events.status = 'published'
                    AND registrations.status = 'registered'
                    AND events.start_time = delivery.start_time
                    AND (events.start_time > :now OR delivery.due_at > :grace)
                WHEN 'promoted' THEN events.status = 'published' AND registrations.status = 'registered'
                WHEN 'changed' THEN
                    events.status = 'published' AND registrations.status IN ('registered', 'waitlisted')
                ELSE events.status = 'cancelled' AND registrations.status IN ('registered', 'waitlisted')
            END
        ORDER BY delivery.ready_at, delivery.seq
        LIMIT :most
    )
RETURNING id;

-- name: get_delivery(delivery_id)^
SELECT
    delivery.id,
    delivery.dedupe_key,
    delivery.kind,
    delivery.user_id,
    telegram_identities.telegram_id,
    users.email,
    users.locale,
    users.timezone,
    delivery.event_id,
    events.title,
    events.start_time,
    events.location,
    delivery.due_at,
    delivery.state,
    delivery.ready_at,
    delivery.holder,
    delivery.attempts
FROM reminders_deliveries AS delivery
JOIN users ON users.id = delivery.user_id
JOIN events ON events.id = delivery.event_id
LEFT JOIN telegram_identities ON telegram_identities.user_id = delivery.user_id
WHERE delivery.id = :delivery_id;

-- name: list_deliveries_of(user_id)
SELECT
    id,
    dedupe_key,
    kind,
    event_id,
    start_time,
    due_at,
    state,
    ready_at,
    holder,
    attempts
FROM reminders_deliveries
WHERE user_id = :user_id
ORDER BY seq;

-- name: finish_delivery(delivery_id, holder, state, ready_at)!
-- Ends a lease. Does nothing if another holder has it.
UPDATE reminders_deliveries
SET
    state = :state,
    ready_at = :ready_at
WHERE id = :delivery_id AND state = 'leased' AND holder = :holder;

-- name: release_deliveries(holder, now, most_attempts)!
-- Ends all leases of a holder that has stopped before it finished.
UPDATE reminders_deliveries
SET
    state = CASE WHEN attempts < :most_attempts THEN 'retry' ELSE 'failed' END,
    ready_at = :now
WHERE state = 'leased' AND holder = :holder;

-- name: stop_deliveries(user_id)!
UPDATE reminders_deliveries
SET state = 'blocked'
WHERE user_id = :user_id AND state IN ('waiting', 'retry');

-- name: forget_deliveries(before, most)!
DELETE FROM reminders_deliveries
WHERE seq IN (
    SELECT seq
    FROM reminders_deliveries
    WHERE start_time < :before
    ORDER BY start_time
    LIMIT :most
);
