-- What the bot remembers about chats and people.

CREATE TABLE telegram_bot_state (
    kind       TEXT NOT NULL,
    key        TEXT NOT NULL,
    user_id    TEXT REFERENCES users (id) ON DELETE CASCADE, -- whose values these are, if they are a person's
    value      TEXT NOT NULL,                                -- a JSON object
    updated_at TEXT NOT NULL,
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX telegram_bot_state_by_user ON telegram_bot_state (user_id) WHERE user_id IS NOT NULL;

CREATE TABLE telegram_bot_postponed ( -- who is to become a maybe
    event_id  TEXT    NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    user_id   TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    is_seated INTEGER NOT NULL,
    seq       INTEGER NOT NULL, -- of the registration
    PRIMARY KEY (event_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX telegram_bot_postponed_in_order ON telegram_bot_postponed (event_id, is_seated, seq DESC);
CREATE INDEX telegram_bot_postponed_by_user ON telegram_bot_postponed (user_id);
