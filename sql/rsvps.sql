-- name: store_answer(event_id, user_id, answer, now)!
INSERT INTO rsvps (event_id, user_id, answer, answered_at)
VALUES (:event_id, :user_id, :answer, :now)
ON CONFLICT (event_id, user_id) DO UPDATE SET answer = excluded.answer, answered_at = excluded.answered_at;

-- name: delete_answer(event_id, user_id)^
DELETE FROM rsvps
WHERE event_id = :event_id AND user_id = :user_id
RETURNING answer;

-- name: count_answers(event_id, maybe, declined)!
-- Adds to the counters, or takes away.
UPDATE events
SET
    maybe_count = maybe_count + :maybe,
    declined_count = declined_count + :declined,
    card_version = card_version + 1
WHERE id = :event_id;

-- name: has_answered(event_id, user_id)^
-- A row for a user who has a place at an event or has a stored answer.
SELECT 1 AS found
FROM registrations
WHERE event_id = :event_id AND user_id = :user_id AND status <> 'cancelled'
UNION ALL
SELECT 1
FROM rsvps
WHERE event_id = :event_id AND user_id = :user_id;

-- name: list_answers_to_end(user_id, limit)
-- Those for events that are deleted with the user's account end with the event.
SELECT event_id
FROM rsvps
WHERE user_id = :user_id
    AND event_id NOT IN (SELECT id FROM ending_events)
LIMIT :limit;

-- name: list_answers_to_merge(user_id, limit)
SELECT event_id
FROM rsvps
WHERE user_id = :user_id
LIMIT :limit;

-- name: get_answer(event_id, user_id)^
SELECT
    answer,
    answered_at
FROM rsvps
WHERE event_id = :event_id AND user_id = :user_id;

-- name: get_counters(event_id)^
SELECT
    registered_count AS registered,
    waitlisted_count AS waitlisted,
    maybe_count AS maybe,
    declined_count AS declined,
    capacity,
    card_version
FROM events
WHERE id = :event_id;
