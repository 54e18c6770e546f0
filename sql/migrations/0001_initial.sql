-- Times are UTC text of one form (2024-09-15T10:00:00Z), so they compare as text; ids are canonical UUIDs.
-- No defaults: every value comes from the program, and the same file makes the same rows anywhere.

PRAGMA application_id = 0x65766F72; -- "evor": this file is eventorg's

CREATE TABLE users (
    id            TEXT    NOT NULL PRIMARY KEY,
    username      TEXT,                             -- as written
    username_key  TEXT    UNIQUE,                   -- folded (NFKC_Casefold): Иван and иван are one name
    email         TEXT,
    email_key     TEXT    UNIQUE,
    password_hash TEXT,                             -- Argon2id in PHC form; null: no login by password
    first_name    TEXT,
    last_name     TEXT,
    locale        TEXT    NOT NULL,
    timezone      TEXT    NOT NULL,
    token_version INTEGER NOT NULL,                 -- a login token is good while it bears this number
    version       INTEGER NOT NULL,                 -- one more with each change: the ETag
    created_at    TEXT    NOT NULL,
    updated_at    TEXT    NOT NULL,
    CHECK ((username IS NULL) = (username_key IS NULL)),
    CHECK ((email IS NULL) = (email_key IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    seq              INTEGER PRIMARY KEY,
    id               TEXT    NOT NULL UNIQUE,
    code             TEXT    NOT NULL UNIQUE,
    title            TEXT    NOT NULL,
    description      TEXT,
    start_time       TEXT    NOT NULL,
    end_time         TEXT    NOT NULL,
    location         TEXT,
    timezone         TEXT    NOT NULL,
    organizer_id     TEXT    NOT NULL REFERENCES users (id),
    capacity         INTEGER CHECK (capacity >= 1), -- null: no limit
    waitlist         INTEGER NOT NULL CHECK (waitlist IN (0, 1)),
    status           TEXT    NOT NULL CHECK (status IN ('draft', 'published', 'cancelled')),
    visibility       TEXT    NOT NULL CHECK (visibility IN ('public', 'unlisted', 'private')),
    search_text      TEXT    NOT NULL,              -- title, description and location, folded
    registered_count INTEGER NOT NULL CHECK (registered_count >= 0), -- seats taken: registered or attended
    waitlisted_count INTEGER NOT NULL CHECK (waitlisted_count >= 0),
    version          INTEGER NOT NULL,
    created_at       TEXT    NOT NULL,
    updated_at       TEXT    NOT NULL,
    CHECK (end_time > start_time)
) STRICT;

CREATE INDEX events_in_order ON events (visibility, status, start_time, id);
CREATE INDEX events_of_organizer ON events (organizer_id, start_time, id);

-- Finds any three letters in a row, also inside a word; the text is folded already.
CREATE VIRTUAL TABLE events_search USING fts5 (
    search_text, content = 'events', content_rowid = 'seq', tokenize = 'trigram case_sensitive 1'
);

CREATE TRIGGER events_search_insert AFTER INSERT ON events BEGIN
    INSERT INTO events_search (rowid, search_text) VALUES (new.seq, new.search_text);
END;

CREATE TRIGGER events_search_delete AFTER DELETE ON events BEGIN
    INSERT INTO events_search (events_search, rowid, search_text) VALUES ('delete', old.seq, old.search_text);
END;

CREATE TRIGGER events_search_update AFTER UPDATE OF search_text ON events BEGIN
    INSERT INTO events_search (events_search, rowid, search_text) VALUES ('delete', old.seq, old.search_text);
    INSERT INTO events_search (rowid, search_text) VALUES (new.seq, new.search_text);
END;

CREATE TABLE event_hosts ( -- co-hosts; the organizer is in the event's row
    event_id TEXT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    user_id  TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    added_at TEXT NOT NULL,
    PRIMARY KEY (event_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX event_hosts_of_user ON event_hosts (user_id, event_id);

CREATE TABLE registrations (
    seq               INTEGER PRIMARY KEY AUTOINCREMENT, -- the order they were made in, never used twice
    event_id          TEXT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    user_id           TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    status            TEXT NOT NULL CHECK (status IN ('registered', 'waitlisted', 'cancelled', 'attended')),
    registration_date TEXT NOT NULL,
    UNIQUE (event_id, user_id)                           -- a double tap is one registration
) STRICT;

CREATE INDEX registrations_in_order ON registrations (event_id, seq);
CREATE INDEX registrations_of_user ON registrations (user_id, event_id);
CREATE INDEX waiting_lists ON registrations (event_id, seq) WHERE status = 'waitlisted';

CREATE TABLE changes ( -- what happened, by ids alone; no foreign keys, since it outlives what it tells of
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    at       TEXT NOT NULL,
    type     TEXT NOT NULL,
    event_id TEXT,
    user_id  TEXT,
    actor_id TEXT  -- the user who did it
) STRICT;

CREATE INDEX changes_of_event ON changes (event_id, seq);
CREATE INDEX changes_of_user ON changes (user_id, seq);
CREATE INDEX changes_by_actor ON changes (actor_id, seq);

CREATE TABLE change_audience ( -- who was concerned by a change after which nothing tells so any more
    user_id TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    seq     INTEGER NOT NULL REFERENCES changes (seq) ON DELETE CASCADE,
    PRIMARY KEY (user_id, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX change_audience_of_change ON change_audience (seq);

CREATE TABLE outcomes ( -- of requests with an Idempotency-Key, kept for a day
    caller      TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL, -- SHA-256 of method, path and body
    user_id     TEXT    REFERENCES users (id) ON DELETE CASCADE, -- whom it is about; null: nobody
    at          TEXT    NOT NULL,
    result      TEXT,             -- what the transaction made, as JSON; null if it was refused
    refusal     TEXT,             -- the problem document, as JSON; null if it was done
    PRIMARY KEY (caller, key),
    CHECK ((result IS NULL) <> (refusal IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX outcomes_of_user ON outcomes (user_id);
CREATE INDEX outcomes_by_age ON outcomes (at);
