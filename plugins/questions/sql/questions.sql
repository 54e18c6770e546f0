-- name: get_questions(event_id)^
SELECT questions
FROM questions_events
WHERE event_id = :event_id;

-- name: get_original(event_id)^
-- The event of which this one is a copy, until this plugin has handled the copy. The first change of an event is its
-- creation: those that follow are not searched.
SELECT json_extract(data, '$.copied_from') AS event_id
FROM (
    SELECT
        type,
        data
    FROM eventorg_changes
    WHERE event_id = :event_id AND seq > (SELECT seq FROM eventorg_positions WHERE plugin = 'questions')
    ORDER BY seq
    LIMIT 1
) AS first
WHERE type = 'event.created' AND json_extract(data, '$.copied_from') IS NOT NULL;

-- name: set_questions(event_id, questions)!
INSERT INTO questions_events (event_id, questions)
VALUES (:event_id, :questions)
ON CONFLICT (event_id) DO UPDATE
SET questions = excluded.questions;

-- name: add_questions(event_id, questions)!
-- An event that has questions already, or exists no more, gets none.
INSERT INTO questions_events (event_id, questions)
SELECT
    id,
    :questions
FROM eventorg_events
WHERE id = :event_id
ON CONFLICT (event_id) DO NOTHING;
