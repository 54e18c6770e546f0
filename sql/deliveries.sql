-- name: create_delivery(delivery_id, dedupe_key, producer, kind, user_id, event_id, texts, due_at, expires_at, mail)!
-- Does nothing if the key was used before, or if there is no such user. A user who cannot be reached gets nothing.
INSERT INTO deliveries (
    id, dedupe_key, producer, kind, user_id, event_id, texts, due_at, expires_at, state, ready_at, holder, attempts
)
SELECT
    :delivery_id,
    :dedupe_key,
    :producer,
    :kind,
    id,
    :event_id,
    :texts,
    :due_at,
    :expires_at,
    CASE
        WHEN EXISTS (
            SELECT 1
            FROM eventorg_contacts
            WHERE eventorg_contacts.user_id = users.id AND (eventorg_contacts.channel = 'telegram' OR :mail)
        ) THEN 'waiting'
        ELSE 'blocked'
    END,
    :due_at,
    NULL,
    0
FROM users
WHERE id = :user_id AND closing IS NULL
ON CONFLICT (dedupe_key) DO NOTHING;

-- name: cancel_delivery(dedupe_key, producer)!
DELETE FROM deliveries
WHERE dedupe_key = :dedupe_key AND producer = :producer AND state IN ('waiting', 'retry');

-- name: cancel_others(dedupe_key, producer, kind, user_id, event_id)!
DELETE FROM deliveries
WHERE event_id = :event_id
    AND user_id = :user_id
    AND kind = :kind
    AND producer = :producer
    AND dedupe_key <> :dedupe_key
    AND state IN ('waiting', 'retry');

-- name: expire_others(dedupe_key, producer, kind, user_id, event_id, now)!
-- The others that are leased are not leased again.
UPDATE deliveries
SET expires_at = :now
WHERE event_id = :event_id
    AND user_id = :user_id
    AND kind = :kind
    AND producer = :producer
    AND dedupe_key <> :dedupe_key
    AND state = 'leased';

-- name: list_waiting_producers()
-- The plugins that have something to tell, each found by one step in the index.
WITH RECURSIVE waiting (producer) AS (
    SELECT min(producer) FROM deliveries WHERE state IN ('waiting', 'leased', 'retry')
    UNION ALL
    SELECT (
        SELECT min(deliveries.producer)
        FROM deliveries
        WHERE deliveries.state IN ('waiting', 'leased', 'retry') AND deliveries.producer > waiting.producer
    )
    FROM waiting
    WHERE waiting.producer IS NOT NULL
)
SELECT producer
FROM waiting
WHERE producer IS NOT NULL;

-- name: list_due_deliveries(producer, channel, now, most, day_ago, most_mails)
-- What one plugin has to tell by now, the oldest first. Nobody gets more than `most_mails` mails a day: the address may
-- be somebody else's.
SELECT
    seq,
    id,
    dedupe_key,
    producer,
    kind,
    user_id,
    telegram_id,
    email,
    locale,
    event_id,
    texts,
    due_at,
    state,
    ready_at,
    holder,
    attempts
FROM deliveries_with_address
WHERE producer = :producer
    AND state IN ('waiting', 'leased', 'retry')
    AND ready_at <= :now
    AND (expires_at IS NULL OR expires_at > :now)
    AND channel = :channel
    AND (
        :channel <> 'email'
        OR (
            SELECT count(*)
            FROM deliveries AS sent
            WHERE sent.user_id = deliveries_with_address.user_id
                AND sent.state = 'sent'
                AND sent.holder = ''
                AND sent.ready_at > :day_ago
        ) < :most_mails
    )
    AND NOT EXISTS (
        SELECT 1
        FROM unreachable_users
        WHERE unreachable_users.user_id = deliveries_with_address.user_id
    )
ORDER BY ready_at, seq
LIMIT :most;

-- name: list_held_deliveries(holder, now, most)
-- What a bot has leased and not acknowledged.
SELECT
    seq,
    id,
    dedupe_key,
    producer,
    kind,
    user_id,
    telegram_id,
    email,
    locale,
    event_id,
    texts,
    due_at,
    state,
    ready_at,
    holder,
    attempts
FROM deliveries_with_address
WHERE holder = :holder
    AND state = 'leased'
    AND ready_at > :now
    AND (expires_at IS NULL OR expires_at > :now)
    AND channel = 'telegram'
ORDER BY ready_at, seq
LIMIT :most;

-- name: get_delivery(delivery_id)^
SELECT
    seq,
    id,
    dedupe_key,
    producer,
    kind,
    user_id,
    telegram_id,
    email,
    locale,
    event_id,
    texts,
    due_at,
    state,
    ready_at,
    holder,
    attempts
FROM deliveries_with_address
WHERE id = :delivery_id AND state <> 'void';

-- name: lease_delivery(delivery_id, holder, texts, until)!
UPDATE deliveries
SET
    state = 'leased',
    ready_at = :until,
    holder = :holder,
    texts = :texts,
    attempts = attempts + 1
WHERE id = :delivery_id;

-- name: void_delivery(delivery_id)!
UPDATE deliveries
SET state = 'void'
WHERE id = :delivery_id;

-- name: postpone_delivery(delivery_id, ready_at)!
UPDATE deliveries
SET
    state = 'retry',
    ready_at = :ready_at
WHERE id = :delivery_id;

-- name: finish_delivery(delivery_id, holder, state, ready_at)!
-- Ends a lease. Does nothing if another holder has it.
UPDATE deliveries
SET
    state = :state,
    ready_at = :ready_at
WHERE id = :delivery_id AND state = 'leased' AND holder = :holder;

-- name: release_deliveries(holder, now, most_attempts)!
-- Ends all leases of a holder that has stopped before it finished.
UPDATE deliveries
SET
    state = CASE WHEN attempts < :most_attempts THEN 'retry' ELSE 'failed' END,
    ready_at = :now
WHERE state = 'leased' AND holder = :holder;

-- name: stop_deliveries(user_id)!
UPDATE deliveries
SET state = 'blocked'
WHERE user_id = :user_id AND state IN ('waiting', 'retry');

-- name: forget_deliveries(before, most)!
DELETE FROM deliveries
WHERE seq IN (
    SELECT seq
    FROM deliveries
    WHERE coalesce(expires_at, due_at) < :before
    ORDER BY coalesce(expires_at, due_at)
    LIMIT :most
);

-- name: list_deliveries_of(user_id)
SELECT
    id,
    dedupe_key,
    kind,
    event_id,
    texts,
    due_at,
    expires_at,
    state,
    ready_at,
    holder,
    attempts
FROM deliveries
WHERE user_id = :user_id
ORDER BY seq;

-- name: delete_deliveries_of(user_id, limit)!
DELETE FROM deliveries
WHERE seq IN (SELECT kept.seq FROM deliveries AS kept WHERE kept.user_id = :user_id LIMIT :limit);

-- name: get_event_to_attend(event_id, user_id)^
-- What a calendar shows of an event for which a user has a seat.
SELECT
    events.id,
    events.title,
    events.description,
    events.location,
    events.start_time,
    events.end_time,
    events.organizer_id,
    events.status,
    events.created_at,
    events.shown_version AS version,
    coalesce(events.shown_at, events.created_at) AS updated_at
FROM registrations
JOIN events ON events.id = registrations.event_id
WHERE registrations.event_id = :event_id
    AND registrations.user_id = :user_id
    AND registrations.status IN ('registered', 'attended');

-- name: void_deliveries_of_event(event_id, limit)!
UPDATE deliveries
SET state = 'void'
WHERE seq IN (
    SELECT waiting.seq
    FROM deliveries AS waiting
    WHERE waiting.event_id = :event_id AND waiting.state IN ('waiting', 'leased', 'retry')
    LIMIT :limit
);

-- name: drop_deliveries_told_to_both(user_id, stays_id)!
-- Of two users who become one: what waits for one of them and was told or waits for the other, by the key.
DELETE FROM deliveries
WHERE state IN ('waiting', 'retry')
    AND (
        (
            user_id = :user_id
            AND EXISTS (
                SELECT 1
                FROM deliveries AS other
                WHERE other.dedupe_key = replace(deliveries.dedupe_key, :user_id, :stays_id)
                    AND other.user_id = :stays_id
                    AND other.state IN ('waiting', 'leased', 'retry', 'sent')
            )
        )
        OR (
            user_id = :stays_id
            AND EXISTS (
                SELECT 1
                FROM deliveries AS other
                WHERE other.dedupe_key = replace(deliveries.dedupe_key, :stays_id, :user_id)
                    AND other.user_id = :user_id
                    AND other.state IN ('leased', 'sent')
            )
        )
    );

-- name: reassign_deliveries(user_id, stays_id)!
-- What was never leased gets the key that it would have had for the user who stays.
UPDATE deliveries
SET
    user_id = :stays_id,
    dedupe_key = CASE
        WHEN attempts = 0 AND NOT EXISTS (
            SELECT 1
            FROM deliveries AS other
            WHERE other.dedupe_key = replace(deliveries.dedupe_key, :user_id, :stays_id)
        ) THEN replace(dedupe_key, :user_id, :stays_id)
        ELSE dedupe_key
    END
WHERE user_id = :user_id;

-- name: mark_unreachable(user_id)!
INSERT INTO unreachable_users (user_id)
SELECT id
FROM users
WHERE id = :user_id
ON CONFLICT DO NOTHING;

-- name: mark_reachable(user_id)!
DELETE FROM unreachable_users
WHERE user_id = :user_id;

-- name: list_unreachable_users()
SELECT user_id
FROM unreachable_users;
