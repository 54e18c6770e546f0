-- name: create_note(event_id, user_id, text, now)^
INSERT INTO example_notes (event_id, user_id, text, created_at)
VALUES (:event_id, :user_id, :text, :now)
RETURNING event_id, user_id, text, created_at;

-- name: list_notes(event_id)
SELECT
    event_id,
    user_id,
    text,
    created_at
FROM example_notes
WHERE event_id = :event_id
ORDER BY number;

-- name: list_notes_of_user(user_id)
SELECT
    event_id,
    user_id,
    text,
    created_at
FROM example_notes
WHERE user_id = :user_id
ORDER BY number;

-- name: find_note(event_id)^
SELECT number
FROM example_notes
WHERE event_id = :event_id
LIMIT 1;

-- name: count_notes()^
SELECT count(*) AS notes
FROM example_notes;

-- name: delete_notes_of_user(event_id, user_id)!
DELETE FROM example_notes
WHERE event_id = :event_id AND user_id = :user_id;

-- name: delete_old_notes(before)!
DELETE FROM example_notes
WHERE event_id IN (SELECT id FROM eventorg_events WHERE end_time < :before);
