-- name: list_postponed(event_id)!
-- Who is registered or waits at this moment. Who was added by name keeps the place, because nobody can ask.
INSERT INTO telegram_bot_postponed (event_id, user_id, is_seated, seq)
SELECT
    event_id,
    user_id,
    status = 'registered',
    seq
FROM eventorg_registrations
WHERE event_id = :event_id
    AND status IN ('registered', 'waitlisted')
    AND user_id NOT IN (SELECT id FROM eventorg_users WHERE name_only)
ON CONFLICT (event_id, user_id) DO NOTHING;

-- name: count_postponed(event_id)^
SELECT count(*) AS people
FROM telegram_bot_postponed
WHERE event_id = :event_id;

-- name: list_next_postponed(event_id, most)
-- From the end of the queue to its front, then those with seats.
SELECT user_id
FROM telegram_bot_postponed
WHERE event_id = :event_id
ORDER BY is_seated, seq DESC
LIMIT :most;

-- name: list_postponing()
SELECT DISTINCT event_id
FROM telegram_bot_postponed;

-- name: delete_postponed(event_id, user_id)!
DELETE FROM telegram_bot_postponed
WHERE event_id = :event_id AND user_id = :user_id;
