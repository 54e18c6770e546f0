-- Offsets are JSON arrays of whole seconds before the start. What a user or an event leaves behind goes with it.

CREATE TABLE reminders_event_offsets ( -- no row: the usual ones
    event_id TEXT NOT NULL PRIMARY KEY REFERENCES events (id) ON DELETE CASCADE,
    offsets  TEXT NOT NULL CHECK (json_valid(offsets))
) STRICT, WITHOUT ROWID;

CREATE TABLE reminders_user_offsets ( -- no row: as each event says
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    offsets TEXT NOT NULL CHECK (json_valid(offsets))
) STRICT, WITHOUT ROWID;

CREATE TABLE reminders_blocks ( -- users who want nothing from the bot until they act again
    user_id TEXT    NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    seq     INTEGER NOT NULL -- the last change before it; a later one by the user ends it
) STRICT, WITHOUT ROWID;

CREATE TABLE reminders_told ( -- when and where each event was when its participants were last told
    event_id   TEXT NOT NULL PRIMARY KEY REFERENCES events (id) ON DELETE CASCADE,
    start_time TEXT NOT NULL,
    location   TEXT
) STRICT, WITHOUT ROWID;

INSERT INTO reminders_told (event_id, start_time, location) SELECT id, start_time, location FROM events;

CREATE TABLE reminders_deliveries (
    seq        INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    dedupe_key TEXT    NOT NULL UNIQUE, -- what is told twice is told once
    kind       TEXT    NOT NULL CHECK (kind IN ('reminder', 'promoted', 'changed', 'cancelled')),
    user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    event_id   TEXT    NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    start_time TEXT    NOT NULL,        -- of the event when this was made: a reminder of another start is void
    due_at     TEXT    NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('waiting', 'leased', 'retry', 'sent', 'blocked', 'failed')),
    ready_at   TEXT    NOT NULL,        -- from when on it can be leased; of a lease, its end
    holder     TEXT,                    -- the bot that leased it last; '' is the server itself, for mail
    attempts   INTEGER NOT NULL
) STRICT;

CREATE INDEX reminders_deliveries_ready ON reminders_deliveries (ready_at, seq)
    WHERE state IN ('waiting', 'leased', 'retry');
CREATE INDEX reminders_deliveries_of_event ON reminders_deliveries (event_id, user_id, kind);
CREATE INDEX reminders_deliveries_of_user ON reminders_deliveries (user_id);
CREATE INDEX reminders_deliveries_by_age ON reminders_deliveries (start_time);
