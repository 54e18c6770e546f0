-- name: store_answer(event_id, user_id, answer, answered_at)!
INSERT INTO rsvps (event_id, user_id, answer, answered_at)
VALUES (:event_id, :user_id, :answer, :answered_at)
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

-- name: get_rsvp(event_id, user_id)^
-- The counters of an event, and the stored answer of a user, if there is one.
SELECT
    events.registered_count,
    events.waitlisted_count,
    events.maybe_count,
    events.declined_count,
    events.capacity,
    events.card_version,
    rsvps.answer,
    rsvps.answered_at
FROM events
LEFT JOIN rsvps ON rsvps.event_id = events.id AND rsvps.user_id = :user_id
WHERE events.id = :event_id;

-- name: list_going(event_id, after, limit)
-- In the order of registration.
SELECT
    seq,
    user_id,
    registration_date
FROM registrations
WHERE event_id = :event_id AND seq > :after AND status <> 'cancelled'
ORDER BY seq
LIMIT :limit;

-- name: list_stored_answers(event_id, answer, after_time, after_user, limit)
-- In the order of the answers.
SELECT
    user_id,
    answer,
    answered_at
FROM rsvps
WHERE event_id = :event_id
    AND answer = :answer
    AND (answered_at, user_id) > (:after_time, :after_user)
ORDER BY answered_at, user_id
LIMIT :limit;

-- name: list_answers_of(user_id)
SELECT
    event_id,
    answer,
    answered_at
FROM rsvps
WHERE user_id = :user_id
ORDER BY answered_at, event_id;
