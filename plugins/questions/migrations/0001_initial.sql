CREATE TABLE questions_events ( -- no row: no questions, or a copy whose questions are about to be copied
    event_id  TEXT NOT NULL PRIMARY KEY REFERENCES events (id) ON DELETE CASCADE,
    questions TEXT NOT NULL CHECK (json_valid(questions)) -- an array, in the order in which people are asked
) STRICT, WITHOUT ROWID;

CREATE TABLE questions_answers (
    event_id    TEXT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    user_id     TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    answers     TEXT NOT NULL CHECK (json_valid(answers)), -- an object by the ids of questions
    answered_at TEXT NOT NULL,
    PRIMARY KEY (event_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX questions_answers_of_user ON questions_answers (user_id);
