CREATE TABLE example_notes ( -- gone with their event, and with whoever left them
    number     INTEGER PRIMARY KEY,
    event_id   TEXT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    text       TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT;

CREATE INDEX example_notes_of_event ON example_notes (event_id, number);
CREATE INDEX example_notes_of_user ON example_notes (user_id);
