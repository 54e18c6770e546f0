-- name: get_answers(event_id, user_id)^
SELECT
    answers,
    answered_at
FROM questions_answers
WHERE event_id = :event_id AND user_id = :user_id;

-- name: set_answers(event_id, user_id, answers, now)!
INSERT INTO questions_answers (event_id, user_id, answers, answered_at)
VALUES (:event_id, :user_id, :answers, :now)
ON CONFLICT (event_id, user_id) DO UPDATE
SET answers = excluded.answers, answered_at = excluded.answered_at;

-- name: delete_answers(event_id, path)!
-- Those to one question.
UPDATE questions_answers
SET answers = json_remove(answers, :path)
WHERE event_id = :event_id AND json_type(answers, :path) IS NOT NULL;

-- name: delete_other_answers(event_id, path, options)!
-- Those to one question that are not among its options. `json_each` of a text is the text itself.
UPDATE questions_answers
SET answers = json_remove(answers, :path)
WHERE event_id = :event_id
    AND EXISTS (
        SELECT 1
        FROM json_each(answers, :path) AS chosen
        WHERE chosen.value NOT IN (SELECT value FROM json_each(:options))
    );

-- name: list_answers(event_id, after, limit)
-- Those of the people who take part, in the order of registration. A limit of -1 is none.
SELECT
    registrations.seq,
    registrations.user_id,
    given.answers,
    given.answered_at,
    users.username,
    users.first_name,
    users.last_name
FROM eventorg_registrations AS registrations
JOIN eventorg_users AS users ON users.id = registrations.user_id
LEFT JOIN questions_answers AS given
    ON given.event_id = registrations.event_id AND given.user_id = registrations.user_id
WHERE registrations.event_id = :event_id
    AND registrations.seq > :after
    AND registrations.status IN ('registered', 'waitlisted', 'attended')
ORDER BY registrations.seq
LIMIT :limit;

-- name: list_answers_of_user(user_id)
SELECT
    given.event_id,
    given.answers,
    given.answered_at
FROM questions_answers AS given
JOIN eventorg_events AS events ON events.id = given.event_id
WHERE given.user_id = :user_id
ORDER BY given.answered_at, given.event_id;

-- name: move_answers(gone_id, stays_id)!
-- Where both have answered a question, the answer of the user who stays counts.
INSERT INTO questions_answers (event_id, user_id, answers, answered_at)
SELECT
    event_id,
    :stays_id,
    answers,
    answered_at
FROM questions_answers
WHERE user_id = :gone_id
ON CONFLICT (event_id, user_id) DO UPDATE
SET
    answers = json_patch(excluded.answers, answers),
    answered_at = max(answered_at, excluded.answered_at);
