-- name: create_message(id, event_id, text, audience, send_at, user_id, now)!
INSERT INTO broadcasts_messages (id, event_id, text, audience, send_at, created_at, created_by)
VALUES (:id, :event_id, :text, :audience, :send_at, :now, :user_id);

-- name: get_message(event_id, id)^
SELECT
    messages.number,
    messages.id,
    messages.event_id,
    messages.text,
    messages.audience,
    messages.send_at,
    messages.created_at,
    users.id AS created_by,
    messages.cancelled_at,
    messages.sent,
    messages.failed
FROM broadcasts_messages AS messages
LEFT JOIN eventorg_users AS users ON users.id = messages.created_by
WHERE messages.id = :id AND messages.event_id = :event_id;

-- name: list_messages(event_id, before, most)
-- The newest first.
SELECT
    messages.number,
    messages.id,
    messages.event_id,
    messages.text,
    messages.audience,
    messages.send_at,
    messages.created_at,
    users.id AS created_by,
    messages.cancelled_at,
    messages.sent,
    messages.failed
FROM broadcasts_messages AS messages
LEFT JOIN eventorg_users AS users ON users.id = messages.created_by
WHERE messages.event_id = :event_id AND messages.number < :before
ORDER BY messages.number DESC
LIMIT :most;

-- name: list_messages_by(user_id)
SELECT
    number,
    id,
    event_id,
    text,
    audience,
    send_at,
    created_at,
    created_by,
    cancelled_at,
    sent,
    failed
FROM broadcasts_messages
WHERE created_by = :user_id
ORDER BY number;

-- name: get_earlier(event_id, earlier)^
-- The newest message but so many.
SELECT created_at
FROM broadcasts_messages
WHERE event_id = :event_id
ORDER BY number DESC
LIMIT 1 OFFSET :earlier;

-- name: cancel_message(id, now)!
UPDATE broadcasts_messages
SET cancelled_at = :now
WHERE id = :id AND cancelled_at IS NULL;

-- name: list_due_messages(now, most)
-- Those that have to be sent, without those of events that are being deleted.
SELECT
    messages.number,
    messages.id,
    messages.event_id,
    messages.text,
    messages.audience
FROM broadcasts_messages AS messages
JOIN eventorg_events AS events ON events.id = messages.event_id
WHERE messages.send_at <= :now AND messages.finished_at IS NULL AND messages.cancelled_at IS NULL
ORDER BY messages.send_at, messages.number
LIMIT :most;

-- name: is_open(number)^
-- A row if the message is still being sent.
SELECT 1 AS found
FROM broadcasts_messages AS messages
JOIN eventorg_events AS events ON events.id = messages.event_id
WHERE messages.number = :number AND messages.finished_at IS NULL AND messages.cancelled_at IS NULL;

-- name: finish_message(number, now)!
UPDATE broadcasts_messages
SET finished_at = :now
WHERE number = :number AND cancelled_at IS NULL;

-- name: get_text(id, user_id)^
-- The text that a user gets now: none if the message was stopped, or if the user or the event is gone.
SELECT messages.text
FROM broadcasts_messages AS messages
JOIN eventorg_events AS events ON events.id = messages.event_id
WHERE messages.id = :id
    AND messages.cancelled_at IS NULL
    AND EXISTS (
        SELECT 1
        FROM broadcasts_people AS people
        WHERE people.message = messages.number AND people.user_id = :user_id
    );

-- name: delete_messages_of_event(event_id)!
DELETE FROM broadcasts_messages
WHERE event_id = :event_id;

-- name: reassign_messages(gone_id, stays_id)!
UPDATE broadcasts_messages
SET created_by = :stays_id
WHERE created_by = :gone_id;

-- name: add_results(number, sent, failed)!
UPDATE broadcasts_messages
SET
    sent = sent + :sent,
    failed = failed + :failed
WHERE number = :number;
