-- name: get_questions(event_id)^
-- The questions of an event, or the event of which this one is a copy, until this plugin has handled the copy. One
-- statement, because the gate asks it for each registration. Only the first change of an event can name an original.
SELECT
    questions,
    NULL AS original_id
FROM questions_events
WHERE event_id = :event_id
UNION ALL
SELECT
    NULL,
    json_extract(first_change.data, '$.copied_from')
FROM (
    SELECT
        seq,
        type,
        data
    FROM eventorg_changes
    WHERE event_id = :event_id
    ORDER BY seq
    LIMIT 1
) AS first_change
WHERE first_change.type = 'event.created'
    AND first_change.seq > (SELECT seq FROM eventorg_positions WHERE plugin = 'questions')
    AND json_extract(first_change.data, '$.copied_from') IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM questions_events WHERE event_id = :event_id);

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
