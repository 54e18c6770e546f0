-- name: list_people(number, event_id, audience, most)
-- The people whom a message is for, in order of registration, without those who have it already.
SELECT people.user_id
FROM (
    SELECT
        user_id,
        seq AS place
    FROM eventorg_registrations
    WHERE event_id = :event_id
        AND status <> 'cancelled'
        AND instr(:audience, CASE status WHEN 'attended' THEN 'registered' ELSE status END)
    UNION ALL
    SELECT
        user_id,
        NULL
    FROM eventorg_rsvps
    WHERE event_id = :event_id AND instr(:audience, answer)
) AS people
JOIN eventorg_users AS users ON users.id = people.user_id
WHERE NOT EXISTS (
    SELECT 1
    FROM broadcasts_recipients AS recipients
    WHERE recipients.message = :number AND recipients.user_id = people.user_id
)
ORDER BY people.place NULLS LAST, people.user_id
LIMIT :most;

-- name: is_recipient(number, user_id)^
SELECT 1 AS found
FROM broadcasts_recipients
WHERE message = :number AND user_id = :user_id;

-- name: add_recipient(number, user_id, dedupe_key)!
-- After the message is in the outbox.
INSERT INTO broadcasts_recipients (message, user_id, delivery_id, is_unreachable)
SELECT
    :number,
    :user_id,
    id,
    state = 'blocked'
FROM eventorg_deliveries
WHERE dedupe_key = :dedupe_key;

-- name: count_states(number)
SELECT
    state,
    count(*) AS people
FROM broadcasts_states
WHERE message = :number
GROUP BY state;

-- name: list_settled(day_ago, after, most)
-- Recipients whose message has a result, was stopped, or is no longer in the outbox. `state` is then null; after a day,
-- that is no merge of accounts, but the end of the time for which the outbox keeps messages.
SELECT
    recipients.message,
    recipients.delivery_id,
    deliveries.dedupe_key,
    CASE
        WHEN deliveries.id IS NOT NULL THEN deliveries.state
        WHEN messages.send_at < :day_ago THEN 'failed'
    END AS state
FROM broadcasts_recipients AS recipients
JOIN broadcasts_messages AS messages ON messages.number = recipients.message
LEFT JOIN eventorg_deliveries AS deliveries ON deliveries.id = recipients.delivery_id
WHERE recipients.is_unreachable = 0
    AND (messages.finished_at IS NOT NULL OR messages.cancelled_at IS NOT NULL)
    AND (
        deliveries.id IS NULL
        OR deliveries.state IN ('sent', 'failed', 'blocked', 'void')
        OR (messages.cancelled_at IS NOT NULL AND deliveries.state IN ('waiting', 'retry'))
    )
    AND recipients.delivery_id > :after
ORDER BY recipients.delivery_id
LIMIT :most;

-- name: delete_recipient(delivery_id)!
DELETE FROM broadcasts_recipients
WHERE delivery_id = :delivery_id;

-- name: mark_unreachable(delivery_id)!
UPDATE broadcasts_recipients
SET is_unreachable = 1
WHERE delivery_id = :delivery_id;

-- name: delete_recipients_of_event(event_id, most)!
DELETE FROM broadcasts_recipients
WHERE (message, user_id) IN (
    SELECT
        recipients.message,
        recipients.user_id
    FROM broadcasts_recipients AS recipients
    JOIN broadcasts_messages AS messages ON messages.number = recipients.message
    WHERE messages.event_id = :event_id
    LIMIT :most
);

-- name: list_received(user_id)
SELECT
    messages.id AS broadcast_id,
    messages.event_id,
    recipients.delivery_id
FROM broadcasts_recipients AS recipients
JOIN broadcasts_messages AS messages ON messages.number = recipients.message
WHERE recipients.user_id = :user_id
ORDER BY messages.number;

-- name: drop_unreachable(gone_id, stays_id)!
-- Of two users who become one, the one who gets the message counts.
DELETE FROM broadcasts_recipients
WHERE user_id = :stays_id
    AND is_unreachable = 1
    AND EXISTS (
        SELECT 1
        FROM broadcasts_recipients AS others
        WHERE others.message = broadcasts_recipients.message
            AND others.user_id = :gone_id
            AND others.is_unreachable = 0
    );

-- name: reassign_recipients(gone_id, stays_id)!
-- Does nothing where both are recipients.
UPDATE OR IGNORE broadcasts_recipients
SET user_id = :stays_id
WHERE user_id = :gone_id;
